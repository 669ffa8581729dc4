package inspect

import (
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf16"
)

var compoundMagic = []byte{0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1}

// directorySectorsMax bounds how much of a compound file's directory is read: 4 MiB at 4 KiB a sector.
const directorySectorsMax = 1024

// streamTypes are the types of compound files, by a stream that only they have. The order counts: an Outlook message may
// hold a Word document.
var streamTypes = []struct{ stream, mediaType string }{
	{"EncryptedPackage", Encrypted},
	{"__properties_version1.0", "application/vnd.ms-outlook"},
	{"WordDocument", "application/msword"},
	{"Workbook", "application/vnd.ms-excel"},
	{"Book", "application/vnd.ms-excel"},
	{"PowerPoint Document", "application/vnd.ms-powerpoint"},
}

// compoundType tells the files in Microsoft's compound format ([MS-CFB]) apart by the streams at their root.
func compoundType(r io.ReaderAt, size int64, head []byte) string {
	if len(head) < 512 {
		return Unknown
	}
	names := rootNames(r, size, head)
	for _, candidate := range streamTypes {
		if names[candidate.stream] {
			return candidate.mediaType
		}
	}
	return compound
}

// rootNames returns the names of all entries of the directory that belong to no folder below the root; what can
// not be read is left out. (An entry's depth is told by walking the tree from the root's child.)
func rootNames(r io.ReaderAt, size int64, head []byte) map[string]bool {
	shift := binary.LittleEndian.Uint16(head[30:])
	if shift != 9 && shift != 12 {
		return nil
	}
	sector := int64(1) << shift
	directory := readDirectory(r, size, sector, head)
	names := map[string]bool{}
	if len(directory) < 128 {
		return names
	}
	// Siblings make a tree; a queue and a set keep a loop in it from being walked for ever.
	seen := map[uint32]bool{}
	queue := []uint32{binary.LittleEndian.Uint32(directory[76:])} // the root's child
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		if seen[id] || int64(id)*128+128 > int64(len(directory)) {
			continue
		}
		seen[id] = true
		entry := directory[int64(id)*128:][:128]
		names[entryName(entry)] = true
		queue = append(queue, binary.LittleEndian.Uint32(entry[68:]), binary.LittleEndian.Uint32(entry[72:]))
	}
	return names
}

func entryName(entry []byte) string {
	length := int(binary.LittleEndian.Uint16(entry[64:]))
	if length < 2 || length > 64 || length%2 != 0 {
		return ""
	}
	units := make([]uint16, length/2-1)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(entry[2*i:])
	}
	return string(utf16.Decode(units))
}

// readDirectory follows the chain of the directory's sectors through the allocation table. Only the 109 sectors of the
// table that the header names are used, which reach over the first 6 MiB (512-byte sectors) or 450 MiB of a file; where
// the chain leaves them, the directory's first sectors have to do.
func readDirectory(r io.ReaderAt, size, sector int64, head []byte) []byte {
	var directory bytes.Buffer
	next := binary.LittleEndian.Uint32(head[48:])
	for range directorySectorsMax {
		at := (int64(next) + 1) * sector
		if next > 0xFFFFFFFA || at+sector > size {
			break
		}
		if _, err := io.Copy(&directory, io.NewSectionReader(r, at, sector)); err != nil {
			break
		}
		table := int64(next) * 4 / sector
		if table >= 109 {
			break
		}
		where := binary.LittleEndian.Uint32(head[76+4*table:])
		var link [4]byte
		if where > 0xFFFFFFFA {
			break
		}
		if _, err := r.ReadAt(link[:], (int64(where)+1)*sector+int64(next)*4%sector); err != nil {
			break
		}
		next = binary.LittleEndian.Uint32(link[:])
	}
	return directory.Bytes()
}
