// Command shortest connects the Alexa devices of a skill to a PBX: whatever a guest calls, one extension rings.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/alexacall/alexacall/alexa"
	"github.com/alexacall/alexacall/alexa/lwa"
	"github.com/alexacall/alexacall/bridge"
	"github.com/alexacall/alexacall/media/engine"
	"github.com/alexacall/alexacall/sip"
)

func main() {
	media := must(engine.Listen(os.Getenv("MEDIA_ADDR"), nil))    // "192.0.2.1:40000"
	phones := must(sip.Listen(os.Getenv("SIP_ADDR"), media, nil)) // "192.0.2.1:5060"
	tokens := must(lwa.NewSource(lwa.Credentials{
		ClientID: os.Getenv("LWA_CLIENT_ID"), ClientSecret: os.Getenv("LWA_CLIENT_SECRET"), RefreshToken: os.Getenv("LWA_REFRESH_TOKEN"),
	}, nil))
	skill := &alexa.Skill{
		ID:     os.Getenv("SKILL_ID"),
		Client: &alexa.Client{Endpoint: alexa.EndpointEU, Tokens: tokens},
		Engine: media,
		Bridge: bridge.To(phones, os.Getenv("PBX"), nil), // "sip:100@pbx.example.com"
	}
	log.Fatal(http.ListenAndServe(os.Getenv("SKILL_ADDR"), skill))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
