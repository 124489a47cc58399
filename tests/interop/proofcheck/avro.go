package main

import (
	"crypto/sha256"
	"encoding/binary"
	"unicode/utf8"
)

// reader reads canonical Avro (format.md, section 2). The first problem stays in err.
type reader struct {
	data []byte
	err  error
}

func (r *reader) fail(problem string) {
	if r.err == nil {
		r.err = malformed("%s", problem)
	}
	r.data = nil
}

func (r *reader) take(length int64) []byte {
	if r.err != nil || length < 0 || length > int64(len(r.data)) {
		r.fail("a value is cut")
		return nil
	}
	taken := r.data[:length]
	r.data = r.data[length:]
	return taken
}

func (r *reader) long() int64 {
	zigzag, size := binary.Uvarint(r.data)
	if size <= 0 || size > 1 && r.data[size-1] == 0 {
		r.fail("a number is not a varint in as few bytes as possible")
		return 0
	}
	r.take(int64(size))
	return int64(zigzag>>1) ^ -int64(zigzag&1)
}

func (r *reader) bytes() []byte { return r.take(r.long()) }

func (r *reader) text() string {
	data := r.bytes()
	if !utf8.Valid(data) {
		r.fail("a string is not UTF-8")
	}
	return string(data)
}

func (r *reader) hash() (hash [sha256.Size]byte) {
	copy(hash[:], r.take(sha256.Size))
	return hash
}

// branch reads a union of null and another type, and reports whether the other type follows.
func (r *reader) branch() bool {
	switch one := r.take(1); {
	case len(one) == 1 && one[0] == 0:
		return false
	case len(one) == 1 && one[0] == 2:
		return true
	}
	r.fail("a union is broken")
	return false
}

// array reads an array of at most one block.
func (r *reader) array(item func()) {
	count := r.long()
	if count < 0 || count > int64(len(r.data)) {
		r.fail("an array is broken")
	}
	for n := int64(0); n < count && r.err == nil; n++ {
		item()
	}
	if count > 0 && r.long() != 0 {
		r.fail("an array has a second block")
	}
}

// end returns the first problem, and refuses bytes that follow.
func (r *reader) end() error {
	if r.err == nil && len(r.data) > 0 {
		r.fail("bytes follow a value")
	}
	return r.err
}

type gap struct{ first, last int64 }

// header has the fields of a block's header that a proof needs (format.md, section 7).
type header struct {
	encoded                    []byte
	origin                     string
	height, firstOffset, count int64
	gaps                       []gap
	eventsRoot                 [sha256.Size]byte
	nextKeys                   []string
}

func parseHeader(data []byte) (h header, err error) {
	r := &reader{data: data}
	h.encoded = data
	if r.long() != 1 {
		r.fail("the header's version is not 1")
	}
	h.origin, h.height = r.text(), r.long()
	r.hash()
	if r.branch() { // predecessor
		r.text()
		r.long()
		r.hash()
		r.array(func() { r.text() }) // keys
	}
	r.text() // cluster_id, topic_id
	r.text()
	r.long() // partitions, last_leader_epoch
	r.long()
	h.firstOffset = r.long()
	r.long() // last_offset
	h.count = r.long()
	r.long() // size
	r.array(func() {
		h.gaps = append(h.gaps, gap{r.long(), r.long()})
		r.long()
	})
	r.long() // timestamp_type
	for range 2 {
		if r.branch() { // min_timestamp, max_timestamp
			r.long()
		}
	}
	r.long() // sealed_at
	r.hash() // first_link, last_link
	r.hash()
	h.eventsRoot = r.hash()
	r.hash() // payload, locators
	r.hash()
	r.array(func() { h.nextKeys = append(h.nextKeys, r.text()) })
	r.take(1) // final
	r.text()  // sealer
	r.array(func() {
		r.text()
		r.bytes()
	})
	return h, r.end()
}

// offsetOf returns the offset of a record by its number: offsets in gaps are passed over.
func (h header) offsetOf(number int64) int64 {
	offset := h.firstOffset + number
	for _, gap := range h.gaps {
		if gap.first > offset {
			break
		}
		offset += gap.last - gap.first + 1
	}
	return offset
}

type record struct {
	offset int64
	value  []byte
}

func parseRecord(data []byte) (found record, err error) {
	r := &reader{data: data}
	found.offset = r.long()
	r.long() // timestamp
	if r.branch() {
		r.bytes() // key
	}
	if r.branch() { // headers
		r.array(func() {
			r.text()
			if r.branch() {
				r.bytes()
			}
		})
	}
	if r.branch() {
		found.value = r.bytes()
	}
	if r.branch() { // oversize
		r.long()
		r.bytes()
	}
	r.bytes() // salt
	return found, r.end()
}
