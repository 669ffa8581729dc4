package sbtest

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

func append32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }
func append64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

// encode appends a value in AMQP's encoding.
func encode(b []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, 0x40)
	case bool:
		if v {
			return append(b, 0x41)
		}
		return append(b, 0x42)
	case []byte:
		return append(variable(b, 0xa0, len(v)), v...)
	case string:
		return append(variable(b, 0xa1, len(v)), v...)
	case symbol:
		return append(variable(b, 0xa3, len(v)), v...)
	case []any:
		return compound(b, 0xd0, v)
	case fieldMap:
		return compound(b, 0xd1, v)
	case described:
		return encode(encode(append(b, 0), v.code), v.value)
	case array:
		return encodeArray(b, v)
	default:
		return encodeFixed(b, value)
	}
}

// encodeFixed appends a value of a fixed width.
func encodeFixed(b []byte, value any) []byte {
	switch v := value.(type) {
	case uint8:
		return append(b, 0x50, v)
	case int8:
		return append(b, 0x51, byte(v))
	case uint16:
		return binary.BigEndian.AppendUint16(append(b, 0x60), v)
	case int16:
		return binary.BigEndian.AppendUint16(append(b, 0x61), uint16(v))
	case uint32:
		return append32(append(b, 0x70), v)
	case int32:
		return append32(append(b, 0x71), uint32(v))
	case float32:
		return append32(append(b, 0x72), math.Float32bits(v))
	case uint64:
		if v < 256 {
			return append(b, 0x53, byte(v)) // the codes of performatives are read as one byte
		}
		return append64(append(b, 0x80), v)
	case int64:
		return append64(append(b, 0x81), uint64(v))
	case float64:
		return append64(append(b, 0x82), math.Float64bits(v))
	case time.Time:
		return append64(append(b, 0x83), uint64(v.UnixMilli()))
	case uuid:
		return append(append(b, 0x98), v[:]...)
	default:
		panic(fmt.Sprintf("sbtest: cannot encode %T", value))
	}
}

func variable(b []byte, code byte, length int) []byte {
	if length < 256 {
		return append(b, code, byte(length))
	}
	return append32(append(b, code+0x10), uint32(length))
}

func compound(b []byte, code byte, list []any) []byte {
	at := len(b) + 1
	b = append32(append32(append(b, code), 0), uint32(len(list)))
	for _, element := range list {
		b = encode(b, element)
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

// encodeArray appends an array; without the elements' codes, for all have the array's.
func encodeArray(b []byte, a array) []byte {
	at := len(b) + 1
	b = append(append32(append32(append(b, 0xf0), 0), uint32(len(a.elements))), a.code)
	for _, element := range a.elements {
		b = append(b, encode(nil, element)[1:]...)
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}
