package sbtest

// The AMQP 1.0 types that Go has no own type for. Maps keep their order and the types of their
// keys, because a message is given back as it was sent.
type (
	symbol string
	uuid   [16]byte
	// fieldMap is a map as AMQP writes it: key, value, key, value …
	fieldMap []any
	// described is a value with the code of what it is: 0x14 is a transfer, 0x75 a data section.
	described struct {
		code  uint64
		value any
	}
	array struct {
		code     byte
		elements []any
	}
)

// get returns the value under a key that is a string or a symbol, nil if there is none.
func (m fieldMap) get(key string) any {
	for i := 0; i+1 < len(m); i += 2 {
		if name, ok := keyName(m[i]); ok && name == key {
			return m[i+1]
		}
	}
	return nil
}

// set returns the map with a string key set.
func (m fieldMap) set(key string, value any) fieldMap {
	for i := 0; i+1 < len(m); i += 2 {
		if name, ok := m[i].(string); ok && name == key {
			m[i+1] = value
			return m
		}
	}
	return append(m, key, value)
}

func keyName(key any) (string, bool) {
	switch key := key.(type) {
	case string:
		return key, true
	case symbol:
		return string(key), true
	default:
		return "", false
	}
}

// fields are the fields of a performative. Trailing ones may be left out, so each is read as if it
// were there.
type fields []any

func (f fields) at(i int) any {
	if i < len(f) {
		return f[i]
	}
	return nil
}

func (f fields) uint32(i int) uint32 { v, _ := f.at(i).(uint32); return v }
func (f fields) uint8(i int) uint8   { v, _ := f.at(i).(uint8); return v }
func (f fields) bool(i int) bool     { v, _ := f.at(i).(bool); return v }
func (f fields) text(i int) string   { v, _ := keyName(f.at(i)); return v }
func (f fields) dict(i int) fieldMap { v, _ := f.at(i).(fieldMap); return v }

// inner returns the fields of a described list.
func (f fields) inner(i int) fields {
	d, _ := f.at(i).(described)
	list, _ := d.value.([]any)
	return list
}
