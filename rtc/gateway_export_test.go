package rtc

// ReadError is readError, for fuzzing.
var ReadError = readError
