package alexatest_test

import (
	"fmt"
	"net/http"
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
		`{"type":[]}`: "type is a array",
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
