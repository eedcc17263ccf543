package media_test

import (
	"fmt"
	"log"

	"github.com/alexacall/alexacall/media"
)

// Two parties are connected by a relay. Each is here the outer end of a pipe; a program has legs of Alexa, SIP or a media server in
// the places of the inner ends.
func Example() {
	plan := media.Plan{{Kind: media.Audio, Dir: media.SendRecv, Codecs: []media.Codec{media.PCMU(), media.TelephoneEvent(8000)}}}
	guest, guestLeg := media.Pipe(plan)
	deskLeg, desk := media.Pipe(plan)

	relay, err := media.NewRelay(guestLeg, deskLeg, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer relay.Close()

	ear := desk.Stream(media.Audio).Reader()
	defer ear.Close()
	codec := guest.Stream(media.Audio).Codec()
	for n, word := range []string{"Good morning,", "room service, please."} {
		p := media.Packet{Codec: &codec, Seq: uint16(n), Time: uint32(n) * 160, Payload: []byte(word)}
		if err := guest.Stream(media.Audio).Write(&p); err != nil {
			log.Fatal(err)
		}
	}

	buf := make([]byte, 1500)
	var p media.Packet
	for range 2 {
		if err := ear.Read(buf, &p); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d %v %s\n", p.Seq, p.Codec, p.Payload)
	}
	fmt.Println(deskLeg.Stream(media.Audio).Stats().Out.Packets, "packets to the desk")
	// Output:
	// 0 PCMU/8000 Good morning,
	// 1 PCMU/8000 room service, please.
	// 2 packets to the desk
}

// Two sides agree by offer and answer. The caller would like Opus, the phone has G.711 alone; then the phone holds the call.
func ExampleNegotiation() {
	policy := media.Phone()
	callerAt := media.Local{ID: 1, Addr: "192.0.2.1", Port: 40000, RTCPPort: 40001}
	phoneAt := media.Local{ID: 2, Addr: "192.0.2.2", Port: 5004, RTCPPort: 5005}
	g711 := func(dir media.Direction) media.Plan {
		return media.Plan{{Kind: media.Audio, Dir: dir, Codecs: []media.Codec{media.PCMU(), media.PCMA()}}}
	}

	var caller, phone media.Negotiation
	caller, offer, err := caller.Offer(policy, callerAt, nil)
	if err != nil {
		log.Fatal(err)
	}
	phone, answer, err := phone.Answer(policy, phoneAt, g711(media.SendRecv), offer)
	if err != nil {
		log.Fatal(err)
	}
	if caller, err = caller.Accept(policy, answer); err != nil {
		log.Fatal(err)
	}
	fmt.Println("offered:", offer)
	fmt.Println("answered:", answer)
	fmt.Println("the phone:", caller.Agreed())

	phone, offer, err = phone.Offer(policy, phoneAt, g711(media.SendOnly))
	if err != nil {
		log.Fatal(err)
	}
	caller, answer, err = caller.Answer(policy, callerAt, nil, offer)
	if err != nil {
		log.Fatal(err)
	}
	if phone, err = phone.Accept(policy, answer); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the phone:", caller.Far())
	fmt.Println("the caller:", phone.Agreed())
	// Output:
	// offered: audio RTP/AVP 96 9 0 8 97 98
	// answered: audio RTP/AVP 0 8
	// the phone: audio sendrecv PCMU/8000 PCMA/8000
	// the phone: audio sendonly PCMU/8000 PCMA/8000
	// the caller: audio recvonly PCMU/8000 PCMA/8000
}
