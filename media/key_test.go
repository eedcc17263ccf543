package media_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

var suites = []media.Suite{media.AES256GCM, media.AES128GCM, media.AESCM80, media.AESCM32}

// TestKeys makes keys of every suite: as long as RFC 4568 section 6.2 and RFC 7714 section 12 have them, and no two alike.
func TestKeys(t *testing.T) {
	for suite, want := range map[media.Suite][2]int{
		media.AES256GCM: {32, 12}, media.AES128GCM: {16, 12}, media.AESCM80: {16, 14}, media.AESCM32: {16, 14},
	} {
		k := media.NewKey(suite)
		key, salt := k.Split()
		if len(key) != want[0] || len(salt) != want[1] || k.Suite != suite || k.IsZero() {
			t.Errorf("%s: key of %d bytes, salt of %d, want %v", suite, len(key), len(salt), want)
		}
		if again := media.NewKey(suite); again.Secret == k.Secret {
			t.Errorf("%s: two keys are the same", suite)
		}
	}
	if k := media.NewKey("F8_128_HMAC_SHA1_80"); !k.IsZero() {
		t.Error("a key of a suite that is not known")
	}
}

// TestKeysAreNotShown prints keys, alone and inside of what holds them, with every verb and by every encoder.
func TestKeysAreNotShown(t *testing.T) {
	k := media.NewKey(media.AES128GCM)
	k.MKI = "identifier of the key"
	secret, salt := k.Split()
	l := local()
	l.Keys = []media.Key{k}
	section := media.Section{KeyIn: k, KeyOut: k}
	var out bytes.Buffer
	for _, v := range []any{k, &k, []media.Key{k}, map[string]media.Key{"k": k}, section, &section, l, &l} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
		slog.New(slog.NewTextHandler(&out, nil)).Info("key", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "v", v)
	}
	p := media.Phone()
	p.Security = media.SDES
	a := newParty(t, p)
	a.l.Keys = []media.Key{k}
	d := a.offer(nil)
	fmt.Fprintf(&out, "%v %+v %s\n", d, d, d)
	slog.New(slog.NewTextHandler(&out, nil)).Info("description", "v", d, "n", a.n)
	if !strings.Contains(sdpText(t, d), base64.StdEncoding.EncodeToString(append(secret, salt...))) {
		t.Fatal("the key is not in the description: the test looks for the wrong thing")
	}
	for _, part := range [][]byte{secret, salt, secret[:8], append(secret, salt...)} {
		for _, shown := range []string{string(part), fmt.Sprintf("%x", part), fmt.Sprintf("%X", part), strings.Trim(fmt.Sprintf("%d", part), "[]"), base64.StdEncoding.EncodeToString(part)} {
			if bytes.Contains(out.Bytes(), []byte(strings.TrimRight(shown, "="))) {
				t.Fatalf("a key is shown: %.300q", out.String())
			}
		}
	}
	if !strings.Contains(out.String(), "AEAD_AES_128_GCM") {
		t.Error("the suite is not shown")
	}
}
