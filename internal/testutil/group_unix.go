//go:build unix

package testutil

import (
	"os/exec"
	"syscall"
)

// OwnGroup makes a program of exec.CommandContext that is not started yet the first of a group of its own: the end of the context kills what
// it has started too. A child that lives on would hold its output open, for which Wait waits.
func OwnGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
