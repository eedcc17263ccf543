package provision

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
)

const maxNumbers = 3 // telephone numbers of a contact

// A Book is an address book: the contacts that the devices of its units can call. A unit has up to 10, a book up to 2,000 contacts and
// 2,500 units.
type Book struct {
	ID   string `json:"addressBookId"`
	Name string `json:"name"`
}

// A Contact is one entry of a Book. Where it leads is one of the last three, or several.
type Contact struct {
	ID   string // Alexa's; empty when it is created
	Name string // what people say: "call Reception"

	ProviderContact string   // the address of a WebRTC contact: the RAW_ADDRESS of the called party when a device calls it
	ProfileID       string   // the profile of another unit
	Numbers         []string // up to three telephone numbers: "+12055551233"
}

// A contactJSON is a Contact as Alexa writes it.
type contactJSON struct {
	ID       string `json:"contactId,omitempty"` // of answers
	Name     string `json:"name"`
	Provider *struct {
		ID string `json:"id"`
	} `json:"providerContact,omitempty"`
	ProfileID string `json:"alexaCommunicationProfileId,omitempty"`
	Numbers   []struct {
		Number string `json:"number"`
	} `json:"phoneNumbers,omitempty"`
}

// MarshalJSON writes the contact as it is sent, without its id.
func (c Contact) MarshalJSON() ([]byte, error) {
	out := contactJSON{Name: c.Name, ProfileID: c.ProfileID}
	if c.ProviderContact != "" {
		out.Provider = &struct {
			ID string `json:"id"`
		}{c.ProviderContact}
	}
	for _, n := range c.Numbers {
		out.Numbers = append(out.Numbers, struct {
			Number string `json:"number"`
		}{n})
	}
	return marshal(out)
}

// UnmarshalJSON reads a contact as Alexa answers it: with its properties in an object "contact" or without.
func (c *Contact) UnmarshalJSON(data []byte) error {
	in := struct {
		contactJSON
		Inner *contactJSON `json:"contact"`
	}{}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	from := in.contactJSON
	if in.Inner != nil {
		from = *in.Inner
		if in.ID != "" {
			from.ID = in.ID
		}
	}
	*c = Contact{ID: from.ID, Name: from.Name, ProfileID: from.ProfileID}
	if from.Provider != nil {
		c.ProviderContact = from.Provider.ID
	}
	for _, n := range from.Numbers {
		c.Numbers = append(c.Numbers, n.Number)
	}
	return nil
}

func (c Contact) check() error {
	bad := checkText("the contact's name", c.Name, maxName)
	if c.ProviderContact == "" && c.ProfileID == "" && len(c.Numbers) == 0 {
		bad = first(bad, errors.New("the contact leads nowhere"))
	}
	if c.ProviderContact != "" {
		bad = first(bad, checkText("the provider contact", c.ProviderContact, maxID))
	}
	if c.ProfileID != "" {
		bad = first(bad, checkID(c.ProfileID))
	}
	if len(c.Numbers) > maxNumbers {
		bad = first(bad, errors.New("the contact has more than 3 numbers"))
	}
	for _, n := range c.Numbers {
		bad = first(bad, checkText("a number", n, maxName))
	}
	return bad
}

// CreateBook makes an address book and returns its id.
func (c *Client) CreateBook(ctx context.Context, name string) (id string, err error) {
	return c.create(ctx, call{
		op: "create an address book", method: http.MethodPost, path: book(), body: map[string]string{"name": name},
		bad: checkText("the name", name, maxName),
	}, "addressBookId", "id")
}

// Books yields all address books. It ends after an error.
func (c *Client) Books(ctx context.Context) iter.Seq2[Book, error] {
	return list[Book](ctx, c, func(token string, out *page) call {
		return call{op: "list address books", method: http.MethodGet, path: book(), query: paged(token), out: out}
	})
}

// RenameBook gives an address book another name.
func (c *Client) RenameBook(ctx context.Context, id, name string) error {
	return c.do(ctx, call{
		op: "rename an address book", method: http.MethodPut, path: book(id), body: map[string]string{"name": name},
		bad: checkText("the name", name, maxName),
	})
}

// DeleteBook removes an address book.
func (c *Client) DeleteBook(ctx context.Context, id string) error {
	return c.do(ctx, call{op: "delete an address book", method: http.MethodDelete, path: book(id)})
}

// AttachBook lets the devices of a unit call the contacts of a book.
func (c *Client) AttachBook(ctx context.Context, bookID, unitID string) error {
	return c.do(ctx, call{
		op: "attach an address book", method: http.MethodPost, path: book(bookID, "unitAssociations"),
		body: map[string]string{"unitId": unitID}, bad: checkID(unitID),
	})
}

// DetachBook takes that back.
func (c *Client) DetachBook(ctx context.Context, bookID, unitID string) error {
	return c.do(ctx, call{
		op: "detach an address book", method: http.MethodDelete, path: book(bookID, "unitAssociations"),
		query: url.Values{"unitId": {unitID}}, bad: checkID(unitID),
	})
}

// BooksOf yields the ids of the address books of a unit. It ends after an error.
func (c *Client) BooksOf(ctx context.Context, unitID string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for b, err := range list[Book](ctx, c, func(token string, out *page) call {
			return call{
				op: "list the address books of a unit", method: http.MethodGet, path: book("unitAssociations"),
				query: paged(token, "unitId", unitID), out: out, bad: checkID(unitID),
			}
		}) {
			if !yield(b.ID, err) {
				return
			}
		}
	}
}

// CreateContact adds a contact to an address book and returns its id.
func (c *Client) CreateContact(ctx context.Context, bookID string, contact Contact) (id string, err error) {
	return c.create(ctx, call{
		op: "create a contact", method: http.MethodPost, path: book(bookID, "contacts"),
		body: map[string]any{"contact": contact}, bad: contact.check(),
	}, "contactId", "id")
}

// Contacts yields the contacts of an address book. It ends after an error.
func (c *Client) Contacts(ctx context.Context, bookID string) iter.Seq2[Contact, error] {
	return list[Contact](ctx, c, func(token string, out *page) call {
		return call{op: "list contacts", method: http.MethodGet, path: book(bookID, "contacts"), query: paged(token), out: out}
	})
}

// Contact returns a contact.
func (c *Client) Contact(ctx context.Context, bookID, id string) (Contact, error) {
	var out Contact
	err := c.do(ctx, call{op: "get a contact", method: http.MethodGet, path: book(bookID, "contacts", id), out: &out})
	return out, err
}

// UpdateContact replaces the contact that has contact's ID.
func (c *Client) UpdateContact(ctx context.Context, bookID string, contact Contact) error {
	return c.do(ctx, call{
		op: "update a contact", method: http.MethodPut, path: book(bookID, "contacts", contact.ID),
		body: map[string]any{"contact": contact}, bad: contact.check(),
	})
}

// DeleteContact removes a contact.
func (c *Client) DeleteContact(ctx context.Context, bookID, id string) error {
	return c.do(ctx, call{op: "delete a contact", method: http.MethodDelete, path: book(bookID, "contacts", id)})
}

// book returns a path of the address book API.
func book(more ...string) []string { return append([]string{"v1", "addressBooks"}, more...) }
