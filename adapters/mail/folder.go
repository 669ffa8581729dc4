package mail

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Folder keeps messages as files instead of sending them: for a demonstration, and for trying things
// out. A message is <person or request id>/<mail id>.eml; what is about one person is in one
// directory, and Purge removes it whole. Files and directories are readable by this user alone: the
// links in them are as good as a password. It is safe for concurrent use, also by several processes.
type Folder struct {
	root *os.Root
	from *mail.Address
}

// OpenFolder opens the folder at a path, which is made where it is missing. Messages come from the
// mailbox from, "NAME <ADDRESS>". Close it when it is not needed any more.
func OpenFolder(dir, from string) (*Folder, error) {
	address, err := parseFrom(from)
	if err != nil {
		return nil, fmt.Errorf("open mail folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open mail folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open mail folder: %w", err)
	}
	return &Folder{root, address}, nil
}

// Close closes the folder.
func (f *Folder) Close() error { return f.root.Close() }

// aboutPattern is what ids of people and requests are like, and so the names of directories.
var aboutPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

// Send keeps a message; see Transport. The same message again replaces itself.
func (f *Folder) Send(ctx context.Context, message Message) error {
	if !aboutPattern.MatchString(message.About) {
		return fmt.Errorf("keep mail %s: no directory can be named for whom it is about", message.ID)
	}
	encoded, err := encode(message, f.from)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if _, err := encoded.WriteTo(&text); err != nil {
		return fmt.Errorf("keep mail %s: %w", message.ID, err)
	}
	if err := f.root.MkdirAll(message.About, 0o700); err != nil {
		return fmt.Errorf("keep mail %s: %w", message.ID, err)
	}
	name := path.Join(message.About, message.ID.String()+".eml")
	if err := f.write(ctx, name, text.Bytes()); err != nil {
		return fmt.Errorf("keep mail %s: %w", message.ID, err)
	}
	return nil
}

// write writes a file whole or not at all. A crash before the renaming leaves a file whose name
// begins with a dot, which List passes over, the next try replaces, and Purge removes.
func (f *Folder) write(ctx context.Context, name string, data []byte) error {
	dir, base := path.Split(name)
	draft := path.Join(dir, "."+base)
	file, err := f.root.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close(), ctx.Err()); err != nil {
		return errors.Join(err, f.root.Remove(draft))
	}
	if err := f.root.Rename(draft, name); err != nil {
		return err
	}
	return errors.Join(f.sync(dir), f.sync("."))
}

// sync makes the names in a directory durable.
func (f *Folder) sync(dir string) error {
	open, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(open.Sync(), open.Close())
}

// Purge removes what is about a person or an access request; see Keeper. What a file system keeps of
// removed files is out of its reach.
func (f *Folder) Purge(_ context.Context, about string) error {
	if !aboutPattern.MatchString(about) {
		return nil // nothing can be kept under such a name
	}
	if err := f.root.RemoveAll(about); err != nil {
		return fmt.Errorf("purge mail folder: %w", err)
	}
	return f.sync(".")
}

// ListMax is how many messages List returns at most.
const ListMax = 500

// List returns the messages kept, the newest first, at most ListMax. It is for a demonstration's
// page: whoever reads it can use every link.
func (f *Folder) List(ctx context.Context) ([]Message, error) {
	var messages []Message
	err := fs.WalkDir(f.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // purged meanwhile
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case entry.IsDir(), path.Ext(name) != ".eml", strings.HasPrefix(path.Base(name), "."):
			return nil
		}
		message, err := f.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		messages = append(messages, message)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list mail folder: %w", err)
	}
	slices.SortFunc(messages, func(a, b Message) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(a.ID.String(), b.ID.String()))
	})
	return messages[:min(len(messages), ListMax)], nil
}

// read reads one message back.
func (f *Folder) read(name string) (Message, error) {
	text, err := f.root.ReadFile(name)
	if err != nil {
		return Message{}, err
	}
	id, err := uuid.Parse(strings.TrimSuffix(path.Base(name), ".eml"))
	if err != nil {
		return Message{}, fmt.Errorf("read %s: its name is no id of a mail", name)
	}
	message := Message{ID: id, About: path.Dir(name)}
	if err := message.decode(text); err != nil {
		return Message{}, fmt.Errorf("read mail %s: %w", id, err)
	}
	return message, nil
}

// decode reads what encode wrote, but for what a folder's names say.
func (m *Message) decode(text []byte) error {
	parsed, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	if err != nil {
		return err
	}
	to, err := parsed.Header.AddressList("To")
	if err != nil {
		return err
	}
	at, err := parsed.Header.Date()
	if err != nil {
		return err
	}
	m.Subject, err = new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	m.Kind, m.To, m.At = Kind(parsed.Header.Get(kindHeader)), to[0].Address, at.UTC()
	m.Body = strings.ReplaceAll(string(body), "\r\n", "\n")
	return err
}
