package upload

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// replacement stands for what can not be shown in a name.
const replacement = '_'

// DisplayName returns a name under which a file can be shown, and saved by a browser, on any system: one that is
// no path, prints, reads in the direction it is written in, is none of Windows' devices, does not begin or end
// with a dot or a space, and has at most 255 bytes, of which the extension is kept. The name as it came is for the
// record alone; neither is ever used as a path here.
func DisplayName(name string) string {
	name = strings.ToValidUTF8(name, string(replacement))
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(shown, name)
	name = strings.Trim(name, " .")
	if name == "" {
		return "file"
	}
	if reserved(name) {
		name = string(replacement) + name
	}
	return shorten(name)
}

func shown(r rune) rune {
	switch {
	case unicode.In(r, unicode.Zs):
		return ' '
	case !unicode.IsPrint(r), strings.ContainsRune(`<>:"|?*`, r): // format characters, as those that reverse text, do not print
		return replacement
	}
	return r
}

// reserved reports whether Windows takes a name for one of its devices, whatever the extension.
func reserved(name string) bool {
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	stem = strings.TrimRight(stem, " ")
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	rest, port := strings.CutPrefix(stem, "COM")
	if !port {
		rest, port = strings.CutPrefix(stem, "LPT")
	}
	return port && utf8.RuneCountInString(rest) == 1 && strings.ContainsAny(rest, "0123456789¹²³")
}

func shorten(name string) string {
	if len(name) <= nameBytesMax {
		return name
	}
	extension := ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && len(name)-dot <= 16 {
		name, extension = name[:dot], name[dot:]
	}
	name = name[:nameBytesMax-len(extension)]
	for !utf8.ValidString(name) {
		name = name[:len(name)-1]
	}
	return strings.TrimRight(name, " .") + extension
}
