package alexatest

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Account is a customer's Amazon account that has linked the skill. A [Home] is its first one; [Home.NewAccount] makes others.
type Account struct {
	home  *Home
	id    string
	token string

	// Of home.mu:
	devices []Device
	presses []Press
	reports [][]Device
	changed chan struct{} // closed and replaced when a press or a report has come
}

// Device is an endpoint as the skill has described it, in an answer to Discover or in an AddOrUpdateReport.
type Device struct {
	EndpointID, FriendlyName, Description, Manufacturer, Model string
	Categories                                                 []string
	Cookie                                                     map[string]string
	Interfaces                                                 []string // of its capabilities, in order

	RTC        bool // it can be talked to: Alexa.RTCSessionController
	FullDuplex bool // isFullDuplexAudioSupported
	Doorbell   bool // Alexa.DoorbellEventSource
	Health     bool // Alexa.EndpointHealth: ReportState is answered
}

// Press is a DoorbellPress that the gateway has taken.
type Press struct {
	EndpointID string
	Cause      string    // payload.cause.type
	At         time.Time // payload.timestamp
}

// NewAccount links another account with the skill.
func (h *Home) NewAccount() *Account {
	a := &Account{home: h, id: newUUID(), token: "linked-" + randomText(48), changed: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accounts = append(h.accounts, a)
	return a
}

// Token returns the access token of account linking: what the skill's own authorization server gave Alexa, and what every directive for
// this account carries.
func (a *Account) Token() string { return a.token }

// Discover sends Discover and returns what the skill answers. From then on the account has these devices and no others.
func (a *Account) Discover(ctx context.Context) ([]Device, error) {
	d := a.home.compose("Alexa.Discovery", "Discover", map[string]any{"scope": a.scope()})
	e, _, err := a.home.exchange(ctx, d, syncLimit)
	if err != nil {
		return nil, err
	}
	devices := readDevices(e.payload)
	a.home.mu.Lock()
	a.devices = devices
	a.home.mu.Unlock()
	return slices.Clone(devices), nil
}

// Devices returns what the account has by the latest Discover and the AddOrUpdateReports since.
func (a *Account) Devices() []Device {
	a.home.mu.Lock()
	defer a.home.mu.Unlock()
	return slices.Clone(a.devices)
}

// ReportState asks for the state of an endpoint, and returns the value of Alexa.EndpointHealth's connectivity, OK or UNREACHABLE; "" when
// the report has none.
func (a *Account) ReportState(ctx context.Context, endpointID string) (string, error) {
	e, _, err := a.home.exchange(ctx, a.directive(nsAlexa, "ReportState", endpointID, map[string]any{}), syncLimit)
	if err != nil {
		return "", err
	}
	state := connectivity(e.context)
	a.home.mu.Lock()
	v, _ := a.device(endpointID)
	a.home.mu.Unlock()
	if state == "" && v.Health {
		a.home.violate("answer to ReportState: without the connectivity of Alexa.EndpointHealth")
	}
	return state, nil
}

// Grant sends AcceptGrant with an authorization code of this account, which can be exchanged once, within five minutes and without a
// redirect URI. It returns *[SkillError] when the skill does not take it.
func (a *Account) Grant(ctx context.Context) error {
	d := a.home.compose(nsAuthorization, "AcceptGrant", map[string]any{
		"grant":   map[string]any{"type": "OAuth2.AuthorizationCode", "code": a.home.tokens.newCode("", a.id)},
		"grantee": a.scope(),
	})
	_, _, err := a.home.exchange(ctx, d, syncLimit)
	return err
}

// NextPress returns the next DoorbellPress for this account that it has not returned before, and waits for it if need be.
func (a *Account) NextPress(ctx context.Context) (Press, error) {
	return next(ctx, a, func() (p Press, ok bool) {
		if len(a.presses) > 0 {
			p, a.presses, ok = a.presses[0], a.presses[1:], true
		}
		return p, ok
	})
}

// NextReport returns the devices of the next AddOrUpdateReport for this account that it has not returned before, and waits for it if need
// be.
func (a *Account) NextReport(ctx context.Context) ([]Device, error) {
	return next(ctx, a, func() (d []Device, ok bool) {
		if len(a.reports) > 0 {
			d, a.reports, ok = a.reports[0], a.reports[1:], true
		}
		return d, ok
	})
}

// next waits until take, which is called with home.mu held, returns something.
func next[T any](ctx context.Context, a *Account, take func() (T, bool)) (T, error) {
	var none T
	for {
		a.home.mu.Lock()
		v, ok := take()
		changed := a.changed
		a.home.mu.Unlock()
		if ok {
			return v, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return none, fmt.Errorf("alexatest: nothing came to the gateway: %w", ctx.Err())
		case <-a.home.ctx.Done():
			return none, ErrClosed
		}
	}
}

// pressed gives the account a DoorbellPress.
func (a *Account) pressed(e *skillEvent) {
	at, _ := time.Parse(time.RFC3339Nano, word(e.payload, "timestamp"))
	p := Press{EndpointID: e.endpoint, Cause: word(member(e.payload, "cause"), "type"), At: at}
	a.home.mu.Lock()
	defer a.home.mu.Unlock()
	a.presses = append(a.presses[max(0, len(a.presses)-maxKept):], p)
	a.notify()
}

// reported gives the account an AddOrUpdateReport.
func (a *Account) reported(devices []Device) {
	a.home.mu.Lock()
	defer a.home.mu.Unlock()
	a.merge(devices)
	a.reports = append(a.reports[max(0, len(a.reports)-maxKept):], devices)
	a.notify()
}

// notify wakes who waits in next; home.mu is held.
func (a *Account) notify() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// device finds a device; home.mu is held.
func (a *Account) device(endpointID string) (Device, bool) {
	i := slices.IndexFunc(a.devices, func(d Device) bool { return d.EndpointID == endpointID })
	if i < 0 {
		return Device{}, false
	}
	return a.devices[i], true
}

// merge adds or replaces devices; home.mu is held.
func (a *Account) merge(devices []Device) {
	a.devices = slices.Clone(a.devices)
	for _, d := range devices {
		a.devices = append(slices.DeleteFunc(a.devices, func(old Device) bool { return old.EndpointID == d.EndpointID }), d)
	}
}

func (a *Account) scope() map[string]any {
	return map[string]any{"type": "BearerToken", "token": a.token}
}
