package portal

import (
	"fmt"
	"net/http"
	"strings"
)

// mailShown is a mail of the demonstration, its text cut into what is a link and what is not.
type mailShown struct {
	At, To, Subject string
	Body            []piece
}

// piece is a part of a mail's text; Link is "" where it leads nowhere in this service.
type piece struct{ Text, Link string }

// showMails shows the mails that were kept instead of being sent.
func (p *Portal) showMails(r *http.Request) (answer, error) {
	mails, err := p.config.Mails(r.Context())
	if err != nil {
		return answer{}, fmt.Errorf("list mails: %w", err)
	}
	shown := make([]mailShown, len(mails))
	for i, mail := range mails {
		shown[i] = mailShown{
			At: mail.At.UTC().Format("2 January 2006, 15:04:05 UTC"), To: mail.To, Subject: mail.Subject,
			Body: p.pieces(mail.Body),
		}
	}
	return answer{page: "mails", title: "Mails of the demonstration", data: shown}, nil
}

// pieces finds the addresses of this service in a text. They become links to the same place here, by
// whatever name the browser reached it; other addresses stay text.
func (p *Portal) pieces(text string) []piece {
	var list []piece
	for {
		before, rest, found := strings.Cut(text, p.config.PublicURL+"/")
		list = append(list, piece{Text: before})
		if !found {
			return list
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`<>"'`, r) })
		if end < 0 {
			end = len(rest)
		}
		path := strings.TrimRight(rest[:end], ".,;:!?)")
		list = append(list, piece{Text: p.config.PublicURL + "/" + path, Link: "/" + strings.TrimLeft(path, "/\\")})
		text = rest[len(path):]
	}
}
