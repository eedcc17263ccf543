package alexatest

import (
	"encoding/json"
	"net/http"
	"slices"
)

// onBooks serves /v1/addressBooks.
func (p *Provisioning) onBooks(q request) outcome {
	switch {
	case q.is(http.MethodPost, 0):
		b := &book{id: "amzn1.alexa.addressbook." + newUUID()}
		if o := q.rename(&b.name); o.status == http.StatusBadRequest {
			return o
		}
		p.books = append(p.books, b)
		return created(map[string]string{"addressBookId": b.id})
	case q.is(http.MethodGet, 0):
		return listed(q, booksJSON(p.books))
	case q.is(http.MethodGet, 1) && q.path[0] == "unitAssociations":
		if u := p.unit(q.query.Get("unitId")); u != nil {
			return listed(q, booksJSON(u.books))
		}
		return noSuch()
	case len(q.path) == 0:
		return noSuch()
	}
	b := find(p.books, func(b *book) bool { return b.id == q.path[0] })
	q.path = q.path[1:]
	switch {
	case b == nil:
	case q.is(http.MethodGet, 0):
		return outcome{http.StatusOK, booksJSON([]*book{b})[0]}
	case q.is(http.MethodPut, 0):
		return q.rename(&b.name)
	case q.is(http.MethodDelete, 0):
		p.books = without(p.books, b)
		for _, u := range p.units {
			u.books = without(u.books, b)
		}
		return done()
	case len(q.path) == 1 && q.path[0] == "unitAssociations":
		return p.onUnitAssociations(q, b)
	case len(q.path) > 0 && q.path[0] == "contacts":
		return b.onContacts(q)
	}
	return noSuch()
}

func booksJSON(books []*book) []map[string]string {
	var out []map[string]string
	for _, b := range books {
		out = append(out, map[string]string{"addressBookId": b.id, "name": b.name})
	}
	return out
}

func (p *Provisioning) onUnitAssociations(q request, b *book) outcome {
	id := q.query.Get("unitId")
	if q.method == http.MethodPost {
		var in struct {
			UnitID string `json:"unitId"`
		}
		if err := q.read(&in); err != nil {
			return illFormed("%v", err)
		}
		id = in.UnitID
	}
	u := p.unit(id)
	switch {
	case u == nil:
		return illFormed("no such unit")
	case q.method == http.MethodPost && slices.Contains(u.books, b):
		return exists()
	case q.method == http.MethodPost:
		u.books = append(u.books, b)
		return created(nil)
	case q.method == http.MethodDelete && slices.Contains(u.books, b):
		u.books = without(u.books, b)
		return done()
	}
	return noSuch()
}

// onContacts serves the contacts of a book.
func (b *book) onContacts(q request) outcome {
	switch {
	case q.is(http.MethodGet, 1):
		var all []any
		for _, c := range b.contacts {
			all = append(all, c.json())
		}
		return listed(q, all)
	case q.is(http.MethodPost, 1):
		c := &bookContact{id: newUUID()}
		if o := c.read(q); o.status == http.StatusBadRequest {
			return o
		}
		b.contacts = append(b.contacts, c)
		return created(map[string]string{"contactId": c.id})
	case len(q.path) != 2:
		return noSuch()
	}
	c := find(b.contacts, func(c *bookContact) bool { return c.id == q.path[1] })
	switch {
	case c == nil:
	case q.method == http.MethodGet:
		return outcome{http.StatusOK, c.json()}
	case q.method == http.MethodPut:
		return c.read(q)
	case q.method == http.MethodDelete:
		b.contacts = without(b.contacts, c)
		return done()
	}
	return noSuch()
}

func (c *bookContact) json() any { return map[string]any{"contactId": c.id, "contact": c.body} }

// read takes a contact's body.
func (c *bookContact) read(q request) outcome {
	var in struct {
		Contact struct {
			Name    string `json:"name"`
			Profile string `json:"alexaCommunicationProfileId,omitempty"`
			Numbers []struct {
				Number string `json:"number"`
			} `json:"phoneNumbers,omitempty"`
			Provider *struct {
				ID string `json:"id"`
			} `json:"providerContact,omitempty"`
		} `json:"contact"`
	}
	if err := q.read(&in); err != nil {
		return illFormed("%v", err)
	}
	k := in.Contact
	switch {
	case k.Name == "":
		return illFormed("the contact has no name")
	case k.Profile == "" && len(k.Numbers) == 0 && (k.Provider == nil || k.Provider.ID == ""):
		return illFormed("the contact leads nowhere")
	case len(k.Numbers) > maxNumbers:
		return illFormed("The number of phone numbers must be between 1 and %d.", maxNumbers)
	}
	c.body, _ = json.Marshal(k)
	return done()
}
