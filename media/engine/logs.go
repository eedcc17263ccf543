package engine

import "github.com/pion/logging"

// silentLogs keeps the libraries quiet: what matters of what they say comes back as errors and states.
type silentLogs struct{}

// NewLogger implements logging.LoggerFactory.
func (silentLogs) NewLogger(string) logging.LeveledLogger { return silentLog{} }

type silentLog struct{}

func (silentLog) Trace(string)          {}
func (silentLog) Tracef(string, ...any) {}
func (silentLog) Debug(string)          {}
func (silentLog) Debugf(string, ...any) {}
func (silentLog) Info(string)           {}
func (silentLog) Infof(string, ...any)  {}
func (silentLog) Warn(string)           {}
func (silentLog) Warnf(string, ...any)  {}
func (silentLog) Error(string)          {}
func (silentLog) Errorf(string, ...any) {}
