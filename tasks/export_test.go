package tasks

// What the tests outside the package look at.
var (
	DecodeEvent = decodeEvent
	TrimText    = trimText
	IndexNamed  = indexNamed

	PlainCandidate   = plainCandidate
	GeneralCandidate = generalCandidate
)

// Limits and names for the tests outside the package.
const (
	InlineKwargs = inlineKwargs
	ClaimIndex   = claimIndex
	PendingIndex = pendingIndex
	RunningIndex = runningIndex
)

// Clock and ClockSample let tests feed the estimate without a server.
type (
	Clock       = clock
	ClockSample = clockSample
)
