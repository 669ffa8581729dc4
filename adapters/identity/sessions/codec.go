package sessions

import (
	"encoding/json"
	"fmt"
	"time"
)

// The keys of what a session holds for this package.
const (
	keyUser   = "user"
	keyEpoch  = "epoch"
	keyMethod = "method"
)

// record is what a session holds, as it is stored: JSON with sorted keys, so that what did not
// change is the same text.
type record struct {
	Deadline time.Time         `json:"deadline"`
	User     string            `json:"user,omitzero"`
	Epoch    int64             `json:"epoch,omitzero"`
	Method   string            `json:"method,omitzero"`
	Texts    map[string]string `json:"texts,omitempty"`
}

// codec implements scs.Codec.
type codec struct{}

func (codec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	r := record{Deadline: deadline.UTC(), Texts: map[string]string{}}
	for key, value := range values {
		switch value := value.(type) {
		case string:
			switch key {
			case keyUser:
				r.User = value
			case keyMethod:
				r.Method = value
			default:
				r.Texts[key] = value
			}
		case int64:
			r.Epoch = value
		default:
			return nil, fmt.Errorf("encode session: %s is a %T", key, value)
		}
	}
	return json.Marshal(r)
}

func (codec) Decode(data []byte) (time.Time, map[string]any, error) {
	r, err := decode(data)
	if err != nil {
		return time.Time{}, nil, err
	}
	values := make(map[string]any, len(r.Texts)+3)
	for key, value := range r.Texts {
		values[key] = value
	}
	if r.User != "" {
		values[keyUser], values[keyEpoch], values[keyMethod] = r.User, r.Epoch, r.Method
	}
	return r.Deadline, values, nil
}

func decode(data []byte) (record, error) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, fmt.Errorf("decode session: %w", err)
	}
	return r, nil
}
