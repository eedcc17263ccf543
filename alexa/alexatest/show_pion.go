package alexatest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
)

// adopt takes candidates, fingerprint and the SSRC of the sound from pion's description.
func (o *showOffer) adopt(own string) error {
	d := &sdp.SessionDescription{}
	if err := d.UnmarshalString(own); err != nil {
		return fmt.Errorf("alexatest: own SDP: %w", err)
	}
	for _, m := range d.MediaDescriptions {
		for _, a := range append(slices.Clone(d.Attributes), m.Attributes...) {
			switch {
			case a.Key == "fingerprint":
				o.fingerprint = a.Value
			case a.Key == "ssrc" && m.MediaName.Media == "audio":
				text, _, _ := strings.Cut(a.Value, " ")
				if n, err := strconv.ParseUint(text, 10, 32); err == nil {
					o.audioSSRC = uint32(n)
				}
			}
			f := strings.Fields(a.Value)
			if a.Key != "candidate" || len(f) < 8 || f[1] != "1" {
				continue
			}
			port, _ := strconv.Atoi(f[5])
			switch {
			case strings.EqualFold(f[2], "udp"):
				o.host(f[4]).udp = port
			case slices.Contains(f, "passive"):
				o.host(f[4]).passive = port
			}
		}
	}
	if len(o.hosts) == 0 || o.fingerprint == "" {
		return errors.New("alexatest: no ICE candidates")
	}
	return nil
}

// host returns the place with that address.
func (o *showOffer) host(ip string) *host {
	for i := range o.hosts {
		if o.hosts[i].ip == ip {
			return &o.hosts[i]
		}
	}
	o.hosts = append(o.hosts, host{ip: ip})
	return &o.hosts[len(o.hosts)-1]
}

// forPion returns the answer with all sections in one group, with the directions that pion has offered, and with the parameters of H.264
// that it was told of. A section that declares no stream is given an attribute that declares nothing: see remoteSDP.forPion.
func (a *showAnswer) forPion(style ShowStyle) (string, error) {
	d := *a.session
	d.MediaDescriptions = nil
	group := []string{"BUNDLE"}
	for _, m := range a.session.MediaDescriptions {
		one := *m
		one.MediaName.Protos = []string{"UDP", "TLS", "RTP", "SAVPF"}
		ssrc := "none"
		if v, ok := m.Attribute("ssrc"); ok {
			ssrc, _, _ = strings.Cut(v, " ")
			ssrc += " cname:door"
		}
		one.Attributes = slices.DeleteFunc(slices.Clone(m.Attributes), func(x sdp.Attribute) bool {
			return slices.Contains(directionTable, x.Key) || x.Key == "fmtp" && m.MediaName.Media == "video" ||
				slices.Contains([]string{"ssrc", "ssrc-group", "msid", "rid", "simulcast"}, x.Key)
		})
		dir := sendRecv
		if one.MediaName.Media == "video" {
			dir = sendOnly
			for n, format := range one.MediaName.Formats {
				params := numberedBaseline
				if format == strconv.Itoa(numberedSecond) && style == ShowNumbered {
					params = numberedHigh
				}
				one.Attributes = append(one.Attributes, sdp.NewAttribute("fmtp", one.MediaName.Formats[n]+" "+params))
			}
		}
		if one.MediaName.Port.Value == 0 {
			dir = inactive
		} else {
			mid, _ := one.Attribute("mid")
			group = append(group, mid)
			one.Attributes = append(one.Attributes, sdp.NewAttribute("ssrc", ssrc))
		}
		one.Attributes = append(one.Attributes, sdp.NewPropertyAttribute(string(dir)))
		d.MediaDescriptions = append(d.MediaDescriptions, &one)
	}
	d.Attributes = slices.DeleteFunc(slices.Clone(a.session.Attributes), func(x sdp.Attribute) bool {
		return x.Key == "group" || slices.Contains(directionTable, x.Key)
	})
	d.Attributes = append(d.Attributes, sdp.NewAttribute("group", strings.Join(group, " ")))
	text, err := d.Marshal()
	return string(text), err
}
