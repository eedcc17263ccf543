package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/alexacall/alexacall/internal/bench/measured"
)

// kamailioConfig is a stateful proxy that stays in the path of every call. It has one process for UDP: with two, 180 and 200 may change
// places, which SIPp counts as a failed call.
const kamailioConfig = `#!KAMAILIO
debug=0
log_stderror=yes
children=1
auto_aliases=no
dns=no
rev_dns=no
listen=udp:SELF
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
request_route {
	if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
	if (has_totag()) {
		if (loose_route()) { t_relay(); exit; }
		if (is_method("ACK")) { if (t_check_trans()) { t_relay(); } exit; }
		sl_send_reply("404", "Not here");
		exit;
	}
	t_check_trans();
	record_route();
	$du = "sip:CALLEE";
	t_relay();
}
`

// kamailio starts Kamailio, with its fast allocator: the usual one is for debugging, and takes four times as long.
func kamailio(ctx context.Context, dir, to string, _ plan) (*subject, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "kamailio.cfg")
	text := strings.NewReplacer("SELF", addr, "CALLEE", to).Replace(kamailioConfig)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("callrate: %w", err)
	}
	cmd := exec.CommandContext(ctx, "taskset", "-c", subjectCore, "kamailio", "-f", file, "-x", "fm", "-DD", "-E", "-m", "2048", "-M", "16", "-Y", dir)
	s := &subject{&measured.Process{Addr: addr, Cmd: cmd}, "kamailio"}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("callrate: %w", err)
	}
	if err := awaitUDP(ctx, addr); err != nil {
		s.Stop()
		return nil, fmt.Errorf("callrate: kamailio: %w", err)
	}
	return s, nil
}
