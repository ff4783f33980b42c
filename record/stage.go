package record

// Stage is where on its path a record is. The order is the path; errors, metrics, dead-letter headers and the console use
// these words.
type Stage uint8

// The stages, with the packages that do their work.
const (
	Capture   Stage = iota // read from the source database      (source/…)
	Transform              // changed, routed or dropped          (transform/…)
	Encode                 // value → bytes                       (convert/…)
	Append                 // written to the log                  (kafka)
	Fetch                  // read from the log                   (kafka)
	Decode                 // bytes → value                       (convert/…)
	Deliver                // written to the external system      (sink/…)
)

var stageNames = [...]string{"capture", "transform", "encode", "append", "fetch", "decode", "deliver"}

// String gives the word used in logs and metrics.
func (s Stage) String() string { return stageNames[s] }

// Part is the part of a record that an error or a transform is about.
type Part uint8

// The parts.
const (
	PartValue Part = iota
	PartKey
	PartHeader
)

var partNames = [...]string{"value", "key", "header"}

// String gives the word used in logs and messages.
func (p Part) String() string { return partNames[p] }
