// Command absencecheck checks a proof of completeness with a trust file, as docs/reference/absence.md says, and prints
// the heads and the records that it establishes. It knows logs that never changed their keys and are checked from
// block 0 on. Signatures and paths are checked by golang.org/x/mod/sumdb alone.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const firstLine = "auditseal/completeness@v1\n"

// errShort is what reading beyond the end panics with; every other panic is a bug.
var errShort = errors.New("the file is cut off or not canonical")

func need(holds bool, problem string, args ...any) {
	if !holds {
		panic(fmt.Errorf(problem, args...))
	}
}

// reader reads canonical Avro (docs/reference/format.md, section 2).
type reader struct{ data []byte }

func (r *reader) take(size int64) []byte {
	if size < 0 || size > int64(len(r.data)) {
		panic(errShort)
	}
	taken := r.data[:size]
	r.data = r.data[size:]
	return taken
}

func (r *reader) long() int64 {
	var value uint64
	for shift := uint(0); ; shift += 7 {
		b := r.take(1)[0]
		if shift == 63 && b > 1 || shift > 63 || b == 0 && shift > 0 {
			panic(errShort)
		}
		value |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return int64(value>>1) ^ -int64(value&1)
		}
	}
}

func (r *reader) bytes() []byte { return r.take(r.long()) }

// array calls item for each item of an array: one block, or none.
func (r *reader) array(item func()) {
	count := r.long()
	if count < 0 {
		panic(errShort)
	}
	for range count {
		item()
	}
	if count > 0 && r.long() != 0 {
		panic(errShort)
	}
}

func (r *reader) isNull() bool {
	switch r.long() {
	case 0:
		return true
	case 1:
		return false
	}
	panic(errShort)
}

func (r *reader) end() { need(len(r.data) == 0, "bytes follow the end") }

func hashes(data []byte) []tlog.Hash {
	need(len(data)%32 == 0, "a path is not of whole hashes")
	found := make([]tlog.Hash, len(data)/32)
	for i := range found {
		found[i] = tlog.Hash(data[32*i : 32*i+32])
	}
	return found
}

// checkpoint is a tree head whose signature holds.
type checkpoint struct {
	Name string
	Size int64
	root tlog.Hash
}

// open checks a signed checkpoint with the keys that the trust file pins for its name.
func open(data []byte, pinned map[string][]note.Verifier) checkpoint {
	name, _, _ := strings.Cut(string(data), "\n")
	keys := pinned[name]
	need(len(keys) > 0, "MISSING_LOG: %q is not pinned", name)
	opened, err := note.Open(data, note.VerifierList(keys...))
	need(err == nil, "BAD_SIGNATURE: %v", err)
	need(len(opened.Sigs) == len(keys), "BAD_SIGNATURE: %d of %d keys signed %q", len(opened.Sigs), len(keys), name)
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + strings.TrimPrefix(opened.Text, name+"\n")))
	need(err == nil, "MALFORMED: %v", err)
	need(opened.Text == fmt.Sprintf("%s\n%d\n%s\n", name, tree.N, tree.Hash), "MALFORMED: not a checkpoint")
	return checkpoint{name, tree.N, tree.Hash}
}

// entry is a segment as its owner signed it (section 4).
type entry struct {
	firstHeight, firstOffset, lastOffset, terms int64
	head                                        checkpoint
	root                                        tlog.Hash
}

func readEntry(data []byte, pinned map[string][]note.Verifier) (e entry) {
	r := &reader{data}
	need(len(data) <= 65535 && r.long() == 1, "MALFORMED: an entry of another version")
	e.firstHeight, e.head = r.long(), open(r.bytes(), pinned)
	e.firstOffset, e.lastOffset = r.long(), r.long()
	need(r.long() == 1, "MALFORMED: an extractor of another version")
	r.long() // event_schema
	r.long() // rows
	r.long() // problems
	for range 4 {
		if !r.isNull() {
			r.long()
		}
	}
	r.long()   // file_bytes
	r.take(32) // file_sha256
	e.terms, e.root = r.long(), tlog.Hash(r.take(32))
	r.end()
	need(0 <= e.firstHeight && e.firstHeight < e.head.Size, "MALFORMED: heights")
	return e
}

type term struct{ field, value string }

func (t term) key() []byte {
	key := sha256.Sum256([]byte("\x02" + t.field + "\x00" + t.value))
	return key[:]
}

// check checks that a leaf is at a place of a segment's tree (section 3).
func (e entry) check(key, postings []byte, place int64, path []tlog.Hash) {
	need(0 <= place && place < e.terms, "BAD_ROOT: terms: place %d is outside the tree", place)
	leaf := tlog.RecordHash(slices.Concat(key, postings))
	err := tlog.CheckRecord(path, e.terms, e.root, place, leaf)
	need(err == nil, "BAD_ROOT: terms: %v", err)
}

func (e entry) postings(data []byte) (offsets []int64) {
	need(len(data) > 0, "MALFORMED: no postings")
	offset := e.firstOffset
	for r := (&reader{data}); len(r.data) > 0; {
		var step int64
		for shift := uint(0); ; shift += 7 {
			b := r.take(1)[0]
			need(shift <= 56 && !(b == 0 && shift > 0), "MALFORMED: postings are not canonical")
			step |= int64(b&0x7f) << shift
			if b < 0x80 {
				break
			}
		}
		need(step > 0 || len(offsets) == 0, "MALFORMED: an offset is there twice")
		offset += step
		need(offset <= e.lastOffset, "MALFORMED: an offset is above the segment")
		offsets = append(offsets, offset)
	}
	return offsets
}

// common returns how many hashes the paths of two neighbours share at their end.
func common(position, size int64) (n int) {
	for {
		k := int64(1)
		for 2*k < size {
			k *= 2
		}
		if position == k {
			return n
		}
		if position < k {
			size = k
		} else {
			position, size = position-k, size-k
		}
		n++
	}
}

// length returns how many hashes the path of a leaf has.
func length(index, size int64) (n int) {
	for ; size > 1; n++ {
		k := int64(1)
		for 2*k < size {
			k *= 2
		}
		if index < k {
			size = k
		} else {
			index, size = index-k, size-k
		}
	}
	return n
}

type leaf struct{ key, postings []byte }

func (e entry) checkAbsent(key []byte, position int64, neighbours []leaf, path []tlog.Hash) {
	need(0 <= position && position <= e.terms, "BAD_ROOT: absent: place %d is outside the tree", position)
	var places []int64
	for _, place := range []int64{position - 1, position} {
		if 0 <= place && place < e.terms {
			places = append(places, place)
		}
	}
	need(len(neighbours) == len(places), "BAD_ROOT: absent: %d neighbours", len(neighbours))
	for i, one := range neighbours {
		need(len(one.key) == 32 && 1 <= len(one.postings) && len(one.postings) <= 32, "MALFORMED: a neighbour")
		order := bytes.Compare(one.key, key)
		need(order < 0 == (places[i] < position) && order != 0, "BROKEN_CHAIN: the neighbours do not enclose the term")
	}
	switch len(places) {
	case 0:
		need(len(path) == 0 && e.root == sha256.Sum256(nil), "BAD_ROOT: absent: an empty tree")
	case 1:
		e.check(neighbours[0].key, neighbours[0].postings, places[0], path)
	case 2:
		end := length(places[0], e.terms)
		need(end <= len(path), "BAD_ROOT: absent: the path is too short")
		first, second := path[:end], path[end:]
		e.check(neighbours[0].key, neighbours[0].postings, places[0], first)
		shared := first[end-common(position, e.terms):]
		e.check(neighbours[1].key, neighbours[1].postings, places[1], slices.Concat(second, shared))
	}
}

// segment reads and checks what the index says of one segment (section 6, step 4), and returns the matching offsets.
func segment(r *reader, terms []term, index checkpoint, pinned map[string][]note.Verifier) (entry, []int64) {
	data, number, path := r.bytes(), r.long(), hashes(r.bytes())
	e := readEntry(data, pinned)
	need(0 <= number && number < index.Size, "BAD_ROOT: index log: no entry %d", number)
	err := tlog.CheckRecord(path, index.Size, index.root, number, tlog.RecordHash(data))
	need(err == nil, "BAD_ROOT: index log: %v", err)
	var found [][]int64
	r.array(func() {
		place, postings, path := r.long(), r.bytes(), hashes(r.bytes())
		need(len(found) < len(terms), "MALFORMED: too many answers")
		committed := postings
		if len(postings) >= 32 {
			hash := sha256.Sum256(postings)
			committed = hash[:]
		}
		e.check(terms[len(found)].key(), committed, place, path)
		found = append(found, e.postings(postings))
	})
	if !r.isNull() {
		number, position := r.long(), r.long()
		var neighbours []leaf
		r.array(func() { neighbours = append(neighbours, leaf{r.bytes(), r.bytes()}) })
		path := hashes(r.bytes())
		need(len(found) == 0 && 0 <= number && number < int64(len(terms)), "MALFORMED: absent")
		e.checkAbsent(terms[number].key(), position, neighbours, path)
		return e, nil
	}
	need(len(found) == len(terms), "MALFORMED: %d of %d terms are answered", len(found), len(terms))
	hits := found[0]
	for _, other := range found[1:] {
		hits = slices.DeleteFunc(hits, func(offset int64) bool { return !slices.Contains(other, offset) })
	}
	return e, hits
}

type hit struct {
	Origin string
	Offset int64
}

type result struct {
	Heads []checkpoint
	Hits  []hit
}

// check checks a whole file (section 6).
func check(data []byte, logs, indexes map[string][]note.Verifier) (done result, err error) {
	defer func() {
		if failed, ok := recover().(error); ok {
			err = failed
		}
	}()
	need(bytes.HasPrefix(data, []byte(firstLine)) && len(data) <= 64<<20, "MALFORMED: not a proof of completeness")
	r := &reader{data[len(firstLine):]}
	index := open(r.bytes(), indexes)
	var terms []term
	r.array(func() {
		one := term{string(r.bytes()), string(r.bytes())}
		if len(terms) > 0 {
			last := terms[len(terms)-1]
			need(last.field < one.field || last.field == one.field && last.value < one.value, "MALFORMED: order of terms")
		}
		terms = append(terms, one)
	})
	need(len(terms) > 0, "MALFORMED: no terms")
	r.array(func() {
		r.array(func() { panic(errors.New("a log changed its keys, which this program does not know")) })
		var height, offset int64
		var head checkpoint
		r.array(func() {
			e, hits := segment(r, terms, index, logs)
			need(head.Name == "" || head.Name == e.head.Name, "BROKEN_CHAIN: a segment of another log")
			need(e.firstHeight == height && e.firstOffset == offset, "BROKEN_CHAIN: a segment begins at block %d", e.firstHeight)
			head, height, offset = e.head, e.head.Size, e.lastOffset+1
			for _, at := range hits {
				done.Hits = append(done.Hits, hit{head.Name, at})
			}
		})
		need(head.Name != "", "MALFORMED: a log without segments")
		need(len(done.Heads) == 0 || done.Heads[len(done.Heads)-1].Name < head.Name, "MALFORMED: order of logs")
		done.Heads = append(done.Heads, head)
	})
	r.end()
	need(len(done.Heads) > 0, "MALFORMED: no logs")
	return done, nil
}

// pins reads the keys of a trust file by their names.
func pins(text string) (logs, indexes map[string][]note.Verifier, err error) {
	logs, indexes = map[string][]note.Verifier{}, map[string][]note.Verifier{}
	for number, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) != 2 {
			continue
		}
		pinned := map[string]map[string][]note.Verifier{"log": logs, "index": indexes}[words[0]]
		if pinned == nil {
			continue
		}
		key, err := note.NewVerifier(words[1])
		if err != nil {
			return nil, nil, errors.New("line " + strconv.Itoa(number+1) + ": " + err.Error())
		}
		pinned[key.Name()] = append(pinned[key.Name()], key)
	}
	return logs, indexes, nil
}

func main() {
	log.SetFlags(0)
	trust, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	data, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	logs, indexes, err := pins(string(trust))
	if err != nil {
		log.Fatal(err)
	}
	done, err := check(data, logs, indexes)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(done); err != nil {
		log.Fatal(err)
	}
}
