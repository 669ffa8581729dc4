package sbtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

var errShort = errors.New("truncated AMQP value")

// decoder reads AMQP values. What is malformed panics: the connection that sent it is aborted.
type decoder struct {
	bytes []byte
	at    int
}

func (d *decoder) take(n int) []byte {
	if n < 0 || d.at+n > len(d.bytes) {
		panic(errShort)
	}
	d.at += n
	return d.bytes[d.at-n : d.at]
}

// length reads a length of one byte, or of four.
func (d *decoder) length(wide bool) int {
	if wide {
		return int(binary.BigEndian.Uint32(d.take(4)))
	}
	return int(d.take(1)[0])
}

func (d *decoder) more() bool { return d.at < len(d.bytes) }

func (d *decoder) value() any {
	code := d.take(1)[0]
	if code == 0 {
		kind, _ := d.value().(uint64)
		return described{kind, d.value()}
	}
	return d.body(code)
}

// section reads a described value.
func (d *decoder) section() described {
	s, ok := d.value().(described)
	if !ok {
		panic(errors.New("an AMQP section without a descriptor"))
	}
	return s
}

// widths are the bytes of a value by the upper half of its code.
var widths = map[byte]int{0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}

func (d *decoder) body(code byte) any {
	wide := code>>4&1 == 1 // 0xa, 0xc and 0xe have lengths of one byte, 0xb, 0xd and 0xf of four
	switch code >> 4 {
	case 0xa, 0xb:
		return text(code, d.take(d.length(wide)))
	case 0xc, 0xd:
		return d.compound(code, wide)
	case 0xe, 0xf:
		d.length(wide)
		n := d.length(wide)
		a := array{code: d.take(1)[0]}
		for range n {
			a.elements = append(a.elements, d.body(a.code))
		}
		return a
	default:
		width, known := widths[code>>4]
		if !known {
			panic(fmt.Errorf("unknown AMQP type code %#x", code))
		}
		return fixed(code, d.take(width))
	}
}

func text(code byte, data []byte) any {
	switch code & 0xf {
	case 0:
		return bytes.Clone(data)
	case 1:
		return string(data)
	default:
		return symbol(data)
	}
}

func (d *decoder) compound(code byte, wide bool) any {
	d.length(wide)
	n := d.length(wide)
	list := make([]any, 0, min(n, 64))
	for range n {
		list = append(list, d.value())
	}
	if code&0xf == 1 {
		return fieldMap(list)
	}
	return list
}

var constants = map[byte]any{0x40: nil, 0x41: true, 0x42: false, 0x43: uint32(0), 0x44: uint64(0), 0x45: []any{}}

// fixed is the value of a code whose width the code gives.
func fixed(code byte, b []byte) any {
	big := binary.BigEndian
	switch code {
	case 0x40, 0x41, 0x42, 0x43, 0x44, 0x45:
		return constants[code]
	case 0x50:
		return b[0]
	case 0x51:
		return int8(b[0])
	case 0x52:
		return uint32(b[0])
	case 0x53:
		return uint64(b[0])
	case 0x54:
		return int32(int8(b[0]))
	case 0x55:
		return int64(int8(b[0]))
	case 0x56:
		return b[0] != 0
	case 0x60:
		return big.Uint16(b)
	case 0x61:
		return int16(big.Uint16(b))
	case 0x70:
		return big.Uint32(b)
	case 0x71, 0x73:
		return int32(big.Uint32(b))
	case 0x72:
		return math.Float32frombits(big.Uint32(b))
	case 0x80:
		return big.Uint64(b)
	case 0x81:
		return int64(big.Uint64(b))
	case 0x82:
		return math.Float64frombits(big.Uint64(b))
	case 0x83:
		return time.UnixMilli(int64(big.Uint64(b))).UTC()
	case 0x98:
		return uuid(b)
	default:
		panic(fmt.Errorf("unknown AMQP type code %#x", code))
	}
}
