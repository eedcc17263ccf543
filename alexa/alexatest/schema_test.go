package alexatest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/alexacall/alexacall/alexa/alexatest"
)

// goodRequests has every request as Amazon documents it, by name.
func goodRequests() map[string]string {
	offer, answer := cannedSDP("actpass", "0", "0", "sendrecv"), cannedSDP("active", "0", "0", "sendrecv")
	update := `"renegotiationType":"CALL_UPDATE"`
	good := map[string]string{
		"InitiateInboundCall": message("InitiateInboundCall", "s", parties("7201"), sdpMember("OFFER", offer)),
		"with caller name": message("InitiateInboundCall", "s", parties("7201"), sdpMember("OFFER", offer),
			`"customParams":{"callerName":"Reception"}`),
		"CallInProgress":     message("CallInProgress", "s", sdpMember("ANSWER", answer)),
		"CallAccepted":       message("CallAccepted", "s", sdpMember("ANSWER", answer)),
		"bare CallAccepted":  message("CallAccepted", "s", `"sdpDetails":{}`),
		"CallEnded":          message("CallEnded", "s", `"callResult":{"code":"UNAUTHORISED"}`),
		"CallUpdate":         message("CallUpdate", "s", update, sdpMember("OFFER", offer)),
		"CallUpdateResponse": message("CallUpdateResponse", "s", update, sdpMember("ANSWER", answer)),
	}
	for _, name := range []string{"CallRinging", "CallRingingAck", "CallInProgressAck", "CallAcceptedAck", "CallUpdateAck"} {
		good[name] = message(name, "s")
	}
	return good
}

func TestSchema(t *testing.T) {
	good := goodRequests()
	for name, body := range good {
		if err := alexatest.ParseRequest([]byte(body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	change := func(name, from, to string) string {
		body := strings.Replace(good[name], from, to, 1)
		if body == good[name] {
			t.Fatalf("%s: no %s in it", name, from)
		}
		return body
	}
	for body, want := range map[string]string{
		`{`:           "syntax error at byte 1",
		`[]`:          "is a array",
		`{"type":[]}`: "type is an array",
		`{}`:          "type missing",
		change("CallRinging", "CallRinging", "CallWaiting"):                                      "unknown type",
		change("CallRinging", prefix, ""):                                                        "unknown type",
		message("InitiateOutboundCall", "s"):                                                     "unknown type",
		change("CallRinging", `"sessionId":"s"`, `"sessionId":""`):                               "CallRinging: sessionId missing",
		change("CallRinging", `,"sessionId":"s"`, ``):                                            "sessionId missing",
		change("CallEnded", `UNAUTHORISED`, `DECLINED`):                                          "callResult.code is \"DECLINED\"",
		change("CallEnded", `"code":"UNAUTHORISED"`, ``):                                         "callResult.code missing",
		message("CallEnded", "s"):                                                                "callResult missing",
		message("CallAccepted", "s"):                                                             "sdpDetails missing",
		change("CallAccepted", `"type":"ANSWER",`, ``):                                           "sdpDetails.type missing",
		change("CallInProgress", "ANSWER", "OFFER"):                                              "sdpDetails.type is \"OFFER\"",
		message("CallInProgress", "s", `"sdpDetails":{}`):                                        "sdpDetails.type missing",
		message("CallInProgress", "s", `"sdpDetails":{"type":"ANSWER"}`):                         "sdpDetails.value missing",
		message("CallInProgress", "s", sdpMember("ANSWER", strings.Repeat("x", 70<<10))):         "longer than",
		change("CallUpdate", `"renegotiationType":"CALL_UPDATE",`, ``):                           "renegotiationType missing",
		change("CallUpdate", `CALL_UPDATE`, `CALL_MUTE`):                                         "renegotiationType is",
		change("CallUpdateResponse", "ANSWER", "OFFER"):                                          "sdpDetails.type is",
		change("InitiateInboundCall", `"isOriginator":false`, `"isOriginator":true`):             "2 originators",
		change("InitiateInboundCall", `,"isOriginator":false`, ``):                               "participants[1].isOriginator missing",
		change("InitiateInboundCall", `RAW_ADDRESS`, `SIP`):                                      "participants[0].id.type is \"SIP\"",
		change("InitiateInboundCall", `"value":"7201"`, `"value":""`):                            "participants[1].id.value missing",
		change("InitiateInboundCall", `"participants":[`, `"participants":[null,`):               "3 entries",
		change("InitiateInboundCall", `"id":{"type":"RAW_ADDRESS","value":"7201"}`, `"id":null`): "participants[1].id missing",
		change("with caller name", `"callerName":"Reception"`, ``):                               "customParams.callerName missing",
	} {
		if err := alexatest.ParseRequest([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.120s: %v", body, err)
		}
	}
}

// TestEveryFault names each fault of a message by the path of its property, and what is not documented besides.
func TestEveryFault(t *testing.T) {
	cloud := newCloud(t, &alexatest.CloudOptions{NoSockets: true})
	s := newSkill(t, cloud, nil)
	defer func() { cloud.Close(); s.close() }()
	s.post(t.Context(), message("InitiateInboundCall", "s", `"participants":[{"id":{"type":"SIP","value":7201},"isOriginator":"yes"},7]`,
		`"sdpDetails":{"type":"ANSWER","kind":"x"}`, `"SessionID":"s"`, `"customParams":{"callerName":null,"caller":1}`))
	s.post(t.Context(), message("CallAccepted", "s", `"sdpDetails":{"sdp":"v=0"}`))
	s.post(t.Context(), message("CallEnded", "s", `"callResult":[]`))
	want := []string{
		"InitiateInboundCall: SessionID is not documented",
		"InitiateInboundCall: customParams.caller is not documented",
		"InitiateInboundCall: sdpDetails.kind is not documented",
		`InitiateInboundCall: participants[0].id.type is "SIP" instead of COMMUNICATION_PROFILE_ID or PHONE_NUMBER or RAW_ADDRESS`,
		"InitiateInboundCall: participants[0].id.value is a number instead of a string",
		"InitiateInboundCall: participants[0].isOriginator is a string instead of a boolean",
		"InitiateInboundCall: participants[1] is a number instead of an object",
		`InitiateInboundCall: sdpDetails.type is "ANSWER" instead of OFFER`,
		"InitiateInboundCall: sdpDetails.value missing",
		"InitiateInboundCall: customParams.callerName missing",
		"InitiateInboundCall: participants: 0 originators instead of 1",
		"CallAccepted: sdpDetails.sdp is not documented",
		"CallEnded: callResult is an array instead of an object",
	}
	if got := cloud.Violations(); !slices.Equal(got, want) {
		t.Errorf("violations\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestTokenRequestFaults notes what is wrong with the form of a token request.
func TestTokenRequestFaults(t *testing.T) {
	cloud := newCloud(t, &alexatest.CloudOptions{NoSockets: true})
	defer cloud.Close()
	client := &http.Client{Transport: cloud.RoundTripper()}
	for _, tt := range []struct{ query, kind, body, want string }{
		{"", "application/x-www-form-urlencoded", "grant_type=", "token request: The request is missing a required parameter : grant_type"},
		{"", "application/json", "{}", "token request: The request has an unsupported content type"},
		{"?grant_type=refresh_token", "application/x-www-form-urlencoded", "", "token request: parameters in the query"},
	} {
		before := len(cloud.Violations())
		body := tt.body + "&client_id=" + cloud.ClientID() + "&client_secret=" + cloud.ClientSecret()
		res, err := client.Post(cloud.TokenURL()+tt.query, tt.kind, strings.NewReader(body))
		must(t, err)
		res.Body.Close()
		if v := cloud.Violations(); res.StatusCode != http.StatusBadRequest || len(v) == before || v[before] != tt.want {
			t.Errorf("%s %q: %d, violations %q, want %q", tt.query, tt.body, res.StatusCode, v[before:], tt.want)
		}
	}
}

// TestViolations has the cloud refuse what the schema does not allow, and note it without addresses.
func TestViolations(t *testing.T) {
	cloud := newCloud(t, &alexatest.CloudOptions{NoSockets: true})
	s := newSkill(t, cloud, nil)
	defer func() { cloud.Close(); s.close() }()
	for i, body := range []string{
		message("CallEnded", "s", `"callResult":{"code":"DECLINED"}`),
		strings.Replace(message("InitiateInboundCall", "s", parties("+15555550100"), `"sdpDetails":{"type":"OFFER","value":"v=0"}`), "RAW", "ROW", 1),
		strings.Repeat("x", 300<<10),
	} {
		status, text := s.post(t.Context(), body)
		if status != http.StatusBadRequest || !strings.Contains(text, `{"message":"`) {
			t.Errorf("%d: %d %s", i, status, text)
		}
		v := cloud.Violations()
		if len(v) != i+1 || strings.Contains(v[i], "555") {
			t.Errorf("violations %q", v)
		}
	}
	var last string
	for _, e := range cloud.Transcript() {
		last = fmt.Sprint(last, e.Type, e.Status, " ")
	}
	if last != "CallEnded400 InitiateInboundCall400 400 " {
		t.Errorf("transcript %s", last)
	}
}
