package media_test

import (
	"strings"
	"testing"

	"github.com/alexacall/alexacall/media"
)

const (
	inactive = media.Inactive
	sendOnly = media.SendOnly
	recvOnly = media.RecvOnly
	sendRecv = media.SendRecv
)

// TestHoldSpellings reads every way in which a far side holds, mutes and resumes, and checks what we answer to it.
func TestHoldSpellings(t *testing.T) {
	zeros := strings.Replace(phoneOffer, "c=IN IP4 192.0.2.20", "c=IN IP4 0.0.0.0", 1)
	zeros6 := strings.Replace(phoneOffer, "c=IN IP4 192.0.2.20", "c=IN IP6 ::", 1)
	sectionZeros := strings.Replace(phoneOffer, "a=ptime:20", "c=IN IP4 0.0.0.0", 1)
	for _, c := range []struct {
		name, offer, attr string
		far, ours         media.Direction // what the far side means, and our answer
	}{
		{"nothing said", phoneOffer, "", sendRecv, sendRecv},
		{"sendrecv", phoneOffer, "a=sendrecv", sendRecv, sendRecv},
		{"hold with music", phoneOffer, "a=sendonly", sendOnly, recvOnly},
		{"hold in silence", phoneOffer, "a=inactive", inactive, inactive},
		{"muted as Alexa does it", phoneOffer, "a=recvonly", recvOnly, sendOnly},
		{"zeros", zeros, "a=sendrecv", sendOnly, recvOnly},
		{"zeros of IPv6", zeros6, "a=sendrecv", sendOnly, recvOnly},
		{"zeros of the section", sectionZeros, "a=sendrecv", sendOnly, recvOnly},
		{"zeros and sendonly", zeros, "a=sendonly", sendOnly, recvOnly},
		{"zeros and recvonly", zeros, "a=recvonly", inactive, inactive},
		{"zeros and inactive", zeros, "a=inactive", inactive, inactive},
		{"zeros with ICE", alexaOffer, "a=sendrecv", sendRecv, sendRecv},
		{"zeros with ICE, muted", alexaOffer, "a=recvonly", recvOnly, sendOnly},
		{"zeros with ICE, held", alexaOffer, "a=sendonly", sendOnly, recvOnly},
	} {
		for _, level := range []string{"section", "session"} {
			t.Run(c.name+" in the "+level, func(t *testing.T) {
				p := media.Phone()
				if strings.Contains(c.offer, "ice-ufrag") {
					p = alexaSound()
				}
				a := newParty(t, p)
				text := a.answerText(directed(c.offer, c.attr, level), nil)
				if got := dirOf(a.n.Far()); got != c.far {
					t.Errorf("the far side is read as %v, want %v", got, c.far)
				}
				if got := directions(readSheet(text).media[0].lines)[0]; got != int(c.ours) {
					t.Errorf("the answer says %v, want %v", media.Direction(got), c.ours)
				}
				if got := a.n.Sections()[0].Dir; got != c.ours {
					t.Errorf("the engine is told %v, want %v", got, c.ours)
				}
				if got := dirOf(a.n.Agreed()); got != c.ours.Reverse() {
					t.Errorf("agreed is %v, want %v", got, c.ours.Reverse())
				}
			})
		}
	}
}

// directed puts a direction attribute into an offer in the place of its own ones.
func directed(offer, attr, level string) string {
	offer = strings.ReplaceAll(offer, "a=sendrecv\n", "")
	if attr == "" {
		return offer
	}
	if level == "session" {
		return strings.Replace(offer, "t=0 0\n", "t=0 0\n"+attr+"\n", 1)
	}
	return strings.NewReplacer("a=ptime:20\n", "a=ptime:20\n"+attr+"\n", "a=mid:audio0\n", "a=mid:audio0\n"+attr+"\n").Replace(offer)
}

// TestDirectionOfTheSectionWins lets a section say otherwise than the session.
func TestDirectionOfTheSectionWins(t *testing.T) {
	a := newParty(t, media.Phone())
	offer := strings.Replace(directed(phoneOffer, "a=inactive", "session"), "a=ptime:20\n", "a=sendrecv\n", 1)
	a.answerText(offer, nil)
	if got := dirOf(a.n.Far()); got != sendRecv {
		t.Errorf("the far side is read as %v, want sendrecv", got)
	}
}

// TestAnswerDirections answers every direction with every wish: never more than either side says.
func TestAnswerDirections(t *testing.T) {
	all := []media.Direction{inactive, sendOnly, recvOnly, sendRecv}
	for _, offered := range all {
		for _, wanted := range all {
			a := newParty(t, media.Phone())
			text := a.answerText(directed(phoneOffer, "a="+offered.String(), "section"), audio(wanted, media.Phone().Audio...))
			want := inactive
			if wanted.Sends() && offered.Receives() {
				want |= sendOnly
			}
			if wanted.Receives() && offered.Sends() {
				want |= recvOnly
			}
			if !strings.Contains(text, "a="+want.String()+"\r\n") || a.n.Sections()[0].Dir != want {
				t.Errorf("%v offered and %v wanted gives %v, want %v", offered, wanted, a.n.Sections()[0].Dir, want)
			}
			if got := dirOf(a.n.Far()); got != offered {
				t.Errorf("%v offered is read as %v", offered, got)
			}
		}
	}
}

// TestFarMeansWhatItSaid follows calls over several offers of both sides: an answer that its offer binds does not change what its
// sender last meant.
func TestFarMeansWhatItSaid(t *testing.T) {
	codecs := []media.Codec{media.PCMU()}
	type step struct {
		offerer    string          // "a" or "b"
		wantA      media.Direction // what each wants at this step
		wantB      media.Direction
		farOfA     media.Direction // what a then holds b to mean
		farOfB     media.Direction
		agreedOfA  media.Direction // what a holds to be agreed of b
		saysWhy    string
		rolledBack bool
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"one side holds and resumes", []step{
			{"a", sendRecv, sendRecv, sendRecv, sendRecv, sendRecv, "the call", false},
			{"a", sendOnly, sendRecv, sendRecv, sendOnly, recvOnly, "b can only answer recvonly and still means sendrecv", false},
			{"a", sendRecv, sendRecv, sendRecv, sendRecv, sendRecv, "resume", false},
		}},
		{"held in silence", []step{
			{"a", sendRecv, sendRecv, sendRecv, sendRecv, sendRecv, "the call", false},
			{"a", inactive, sendRecv, sendRecv, inactive, inactive, "b can only answer inactive", false},
			{"a", sendRecv, sendRecv, sendRecv, sendRecv, sendRecv, "resume", false},
		}},
		{"both hold, then one after the other resumes", []step{
			{"a", sendRecv, sendRecv, sendRecv, sendRecv, sendRecv, "the call", false},
			{"b", sendRecv, sendOnly, sendOnly, sendRecv, sendOnly, "b holds, and a still means sendrecv", false},
			{"a", sendOnly, sendOnly, sendOnly, sendOnly, inactive, "a holds too; b can only answer inactive and still means sendonly", false},
			{"b", sendOnly, sendRecv, sendRecv, sendOnly, recvOnly, "b resumes, a still holds", false},
			{"a", sendRecv, sendRecv, sendRecv, sendRecv, sendRecv, "a resumes", false},
		}},
		{"mute under hold", []step{
			{"a", sendRecv, sendRecv, sendRecv, sendRecv, sendRecv, "the call", false},
			{"b", sendRecv, recvOnly, recvOnly, sendRecv, recvOnly, "b is muted", false},
			{"a", sendOnly, recvOnly, recvOnly, sendOnly, recvOnly, "a holds; b's recvonly is what it means", false},
			{"a", sendRecv, recvOnly, recvOnly, sendRecv, recvOnly, "a resumes; b answers recvonly, for it is still muted", false},
			{"b", sendRecv, sendRecv, sendRecv, sendRecv, sendRecv, "b speaks again", false},
		}},
		{"an answer that the offer left open is believed", []step{
			{"a", sendRecv, recvOnly, recvOnly, sendRecv, recvOnly, "b answers a full offer with recvonly", false},
			{"a", sendOnly, recvOnly, recvOnly, sendOnly, recvOnly, "a holds", false},
			{"a", sendRecv, sendRecv, sendRecv, sendRecv, sendRecv, "b says sendrecv to a full offer", false},
		}},
		{"an offer that failed changes nothing", []step{
			{"a", sendRecv, sendRecv, sendRecv, sendRecv, sendRecv, "the call", false},
			{"a", inactive, sendRecv, sendRecv, sendRecv, sendRecv, "the hold is refused", true},
			{"a", sendRecv, sendRecv, sendRecv, sendRecv, sendRecv, "the call goes on", false},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := newParty(t, media.Phone()), newParty(t, media.Phone())
			for i, s := range c.steps {
				planA, planB := audio(s.wantA, codecs...), audio(s.wantB, codecs...)
				switch {
				case s.rolledBack:
					a.offer(planA)
					a.n = a.n.Rollback()
				case s.offerer == "a":
					exchange(a, b, planA, planB)
				default:
					exchange(b, a, planB, planA)
				}
				if got := dirOf(a.n.Far()); got != s.farOfA {
					t.Errorf("step %d, %s: a reads b as %v, want %v", i, s.saysWhy, got, s.farOfA)
				}
				if got := dirOf(b.n.Far()); got != s.farOfB {
					t.Errorf("step %d, %s: b reads a as %v, want %v", i, s.saysWhy, got, s.farOfB)
				}
				if got := dirOf(a.n.Agreed()); got != s.agreedOfA {
					t.Errorf("step %d, %s: a has %v agreed of b, want %v", i, s.saysWhy, got, s.agreedOfA)
				}
				if got := dirOf(b.n.Agreed()); got != s.agreedOfA.Reverse() {
					t.Errorf("step %d, %s: b has %v agreed of a, want %v", i, s.saysWhy, got, s.agreedOfA.Reverse())
				}
			}
		})
	}
}
