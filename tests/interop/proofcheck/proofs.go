package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	recordLine      = "c2sp.org/tlog-proof@v1"
	consistencyLine = "auditseal/consistency@v1"
)

// decode reads base64 in its only spelling.
func decode(text string) ([]byte, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(data) != text {
		return nil, malformed("%.40q is not base64 in its only spelling", text)
	}
	return data, nil
}

func decodeHashes(lines []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range lines {
		data, err := decode(line)
		if err != nil {
			return nil, err
		}
		if len(data) != tlog.HashSize {
			return nil, malformed("a hash has %d bytes", len(data))
		}
		hashes = append(hashes, tlog.Hash(data))
	}
	return hashes, nil
}

func splitHashes(data []byte) ([]tlog.Hash, error) {
	if len(data)%tlog.HashSize != 0 {
		return nil, malformed("%d bytes are not whole hashes", len(data))
	}
	var hashes []tlog.Hash
	for ; len(data) > 0; data = data[tlog.HashSize:] {
		hashes = append(hashes, tlog.Hash(data[:tlog.HashSize]))
	}
	return hashes, nil
}

// checkpoint is a signed checkpoint (format.md, section 8).
type checkpoint struct {
	note   string
	origin string
	tree   tlog.Tree
}

func parseCheckpoint(signed string) (c checkpoint, err error) {
	at := strings.LastIndex(signed, "\n\n")
	if at < 0 || at+3 > len(signed) || !strings.HasSuffix(signed, "\n") {
		return c, malformed("a checkpoint is not a text, an empty line and signatures")
	}
	for _, line := range strings.Split(signed[at+2:len(signed)-1], "\n") {
		words := strings.Split(line, " ")
		if len(words) != 3 || words[0] != "—" {
			return c, malformed("%.40q is not a signature line", line)
		}
		if blob, err := decode(words[2]); err != nil || len(blob) < 5 {
			return c, malformed("%.40q is not a signature line", line)
		}
	}
	lines := strings.Split(signed[:at], "\n")
	if len(lines) != 3 {
		return c, malformed("a checkpoint has %d lines, not 3", len(lines))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 || strconv.FormatInt(size, 10) != lines[1] {
		return c, malformed("%q is not a size", lines[1])
	}
	root, err := decodeHashes(lines[2:])
	if err != nil {
		return c, err
	}
	return checkpoint{signed, lines[0], tlog.Tree{N: size, Hash: root[0]}}, nil
}

// signedBy checks that each key has exactly one line, and that its signature holds.
func (c checkpoint) signedBy(keys []string) error {
	if len(keys) == 0 {
		return refuse("BAD_KEY", "there is no key to check by")
	}
	for _, key := range keys {
		verifier, err := newVerifier(key)
		if err != nil || verifier.Name() != c.origin {
			return refuse("BAD_KEY", "%q is not a key of %s", key, c.origin)
		}
		// The library takes the first of two lines of one key; the format allows only one.
		mine := 0
		for _, line := range strings.Split(c.note, "\n") {
			if rest, ok := strings.CutPrefix(line, "— "+verifier.Name()+" "); ok {
				blob, _ := base64.StdEncoding.DecodeString(rest)
				if len(blob) > 4 && bytes.Equal(blob[:4], hashBytes(verifier.KeyHash())) {
					mine++
				}
			}
		}
		if _, err := note.Open([]byte(c.note), note.VerifierList(verifier)); err != nil || mine != 1 {
			return refuse("BAD_SIGNATURE", "%s has %d lines: %v", key, mine, err)
		}
	}
	return nil
}

// newVerifier reads a key by its type: 01 is Ed25519, 06 is ML-DSA-44.
func newVerifier(key string) (note.Verifier, error) {
	parts := strings.SplitN(key, "+", 3)
	if blob, err := base64.StdEncoding.DecodeString(parts[len(parts)-1]); err == nil && len(blob) > 0 && blob[0] == 6 {
		return fnote.NewMLDSAVerifier(key)
	}
	verifier, err := note.NewVerifier(key)
	if err == nil && isWeak(key) {
		err = errors.New("the public key is weak")
	}
	return verifier, err
}

// isWeak reports whether the public key is of small order or not canonical: anyone could sign for such a key.
func isWeak(key string) bool {
	blob, err := base64.StdEncoding.DecodeString(strings.SplitN(key, "+", 3)[2])
	if err != nil || len(blob) != 33 {
		return true
	}
	public := blob[1:]
	slices.Reverse(public) // little-endian
	public[0] &= 0x7f
	y, prime := new(big.Int).SetBytes(public), new(big.Int).Lsh(big.NewInt(1), 255)
	prime.Sub(prime, big.NewInt(19))
	weak := []string{"0", "1", "5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826",
		"7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7",
		new(big.Int).Sub(prime, big.NewInt(1)).Text(16)}
	return y.Cmp(prime) >= 0 || slices.Contains(weak, y.Text(16))
}

func hashBytes(hash uint32) []byte {
	return []byte{byte(hash >> 24), byte(hash >> 16), byte(hash >> 8), byte(hash)}
}

// rotation is a block that announced the next keys.
type rotation struct {
	header   header
	frontier []tlog.Hash
	signed   checkpoint
}

func readRotation(r *reader) (found rotation, err error) {
	encoded, frontier, signed := r.bytes(), r.bytes(), string(r.bytes())
	if r.err != nil {
		return found, r.err
	}
	if found.header, err = parseHeader(encoded); err != nil {
		return found, err
	}
	if found.frontier, err = splitHashes(frontier); err != nil {
		return found, err
	}
	if len(found.frontier) != bits.OnesCount64(uint64(found.header.height)) {
		return found, malformed("a frontier has %d hashes for height %d", len(found.frontier), found.header.height)
	}
	found.signed, err = parseCheckpoint(signed)
	return found, err
}

// keysAt follows rotations below a height, from the pinned keys on.
func keysAt(log *pinned, origin string, rotations []rotation, height int64) ([]string, error) {
	keys, least := log.keys, log.start
	for _, one := range rotations {
		h := one.header
		if h.origin != origin || h.height < least || h.height >= height || len(h.nextKeys) == 0 {
			return nil, refuse("BAD_KEY", "block %d of %s announces no keys for block %d", h.height, h.origin, height)
		}
		root := tlog.RecordHash(h.encoded)
		for n := len(one.frontier) - 1; n >= 0; n-- {
			root = tlog.NodeHash(one.frontier[n], root)
		}
		if one.signed.origin != origin || one.signed.tree != (tlog.Tree{N: h.height + 1, Hash: root}) {
			return nil, refuse("BAD_ROOT", "the checkpoint of rotation %d is of another block", h.height)
		}
		if err := one.signed.signedBy(keys); err != nil {
			return nil, err
		}
		keys, least = h.nextKeys, h.height+1
	}
	return keys, nil
}

// split returns the lines before the empty line, and what follows it.
func split(proof, first string) ([]string, string, error) {
	head, signed, found := strings.Cut(proof, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != first {
		return nil, "", malformed("it does not begin as a proof")
	}
	return lines[1:], signed, nil
}

func checkRecord(proof string, logs map[string]*pinned) (string, error) {
	// Step 1: parse all parts.
	lines, signed, err := split(proof, recordLine)
	if err != nil {
		return "", err
	}
	if len(lines) < 2 || !strings.HasPrefix(lines[0], "extra ") || !strings.HasPrefix(lines[1], "index ") {
		return "", malformed("the lines extra and index are missing")
	}
	extra, err := decode(strings.TrimPrefix(lines[0], "extra "))
	if err != nil {
		return "", err
	}
	height, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil || fmt.Sprintf("index %d", height) != lines[1] {
		return "", malformed("%q is not a line index", lines[1])
	}
	path, err := decodeHashes(lines[2:])
	if err != nil {
		return "", err
	}
	last, err := parseCheckpoint(signed)
	if err != nil {
		return "", err
	}
	r := &reader{data: extra}
	encodedHeader, link, encoded, index, inBlock := r.bytes(), r.bytes(), r.bytes(), r.long(), r.bytes()
	var rotations []rotation
	var broken error
	r.array(func() {
		one, err := readRotation(r)
		if err != nil && broken == nil {
			broken = err
		}
		rotations = append(rotations, one)
	})
	if err := r.end(); err != nil {
		return "", err
	}
	if broken != nil {
		return "", broken
	}
	block, err := parseHeader(encodedHeader)
	if err != nil {
		return "", err
	}
	// Steps 2 to 5.
	log := logs[block.origin]
	switch {
	case last.origin != block.origin:
		return "", refuse("BAD_ROOT", "the checkpoint is of %s, the header of %s", last.origin, block.origin)
	case log == nil:
		return "", refuse("MISSING_LOG", "the trust file does not pin %s", block.origin)
	case block.height != height:
		return "", refuse("BROKEN_CHAIN", "the header is of height %d", block.height)
	case height < log.start:
		return "", refuse("MISSING_LOG", "the trust file starts the log at %d", log.start)
	}
	// Steps 6 to 8.
	keys, err := keysAt(log, block.origin, rotations, height)
	if err != nil {
		return "", err
	}
	if err := last.signedBy(keys); err != nil {
		return "", err
	}
	if err := tlog.CheckRecord(path, last.tree.N, last.tree.Hash, height, tlog.RecordHash(encodedHeader)); err != nil {
		return "", refuse("BAD_ROOT", "the header: %v", err)
	}
	// Steps 9 and 10.
	if len(link) != sha256.Size {
		return "", malformed("a link has %d bytes", len(link))
	}
	recordPath, err := splitHashes(inBlock)
	if err != nil {
		return "", err
	}
	found, err := parseRecord(encoded)
	if err != nil {
		return "", err
	}
	leaf := tlog.RecordHash(append(bytes.Clone(link), encoded...))
	if err := tlog.CheckRecord(recordPath, block.count, block.eventsRoot, index, leaf); err != nil {
		return "", refuse("BAD_ROOT", "the record: %v", err)
	}
	if offset := block.offsetOf(index); found.offset != offset {
		return "", refuse("BAD_RECORD", "record %d is at offset %d, and says %d", index, offset, found.offset)
	}
	return fmt.Sprintf("%s %d %d %x", block.origin, height, found.offset, sha256.Sum256(found.value)), nil
}

func checkConsistency(proof string, logs map[string]*pinned) (string, error) {
	lines, signed, err := split(proof, consistencyLine)
	if err != nil {
		return "", err
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "old ") {
		return "", malformed("the line old is missing")
	}
	first, err := decode(strings.TrimPrefix(lines[0], "old "))
	if err != nil {
		return "", err
	}
	var rotations []rotation
	lines = lines[1:]
	for ; len(lines) > 0 && strings.HasPrefix(lines[0], "rotation "); lines = lines[1:] {
		encoded, err := decode(strings.TrimPrefix(lines[0], "rotation "))
		if err != nil {
			return "", err
		}
		r := &reader{data: encoded}
		one, err := readRotation(r)
		if err != nil {
			return "", err
		}
		if err := r.end(); err != nil {
			return "", err
		}
		rotations = append(rotations, one)
	}
	path, err := decodeHashes(lines)
	if err != nil {
		return "", err
	}
	older, err := parseCheckpoint(string(first))
	if err != nil {
		return "", err
	}
	newer, err := parseCheckpoint(signed)
	if err != nil {
		return "", err
	}
	if older.origin != newer.origin {
		return "", refuse("BAD_ROOT", "one checkpoint is of %s, one of %s", older.origin, newer.origin)
	}
	log := logs[newer.origin]
	if log == nil {
		return "", refuse("MISSING_LOG", "the trust file does not pin %s", newer.origin)
	}
	earlier := rotations
	for n, one := range rotations {
		if one.header.height >= older.tree.N-1 {
			earlier = rotations[:n]
			break
		}
	}
	for _, head := range []struct {
		checkpoint
		rotations []rotation
	}{{older, earlier}, {newer, rotations}} {
		keys, err := keysAt(log, head.origin, head.rotations, head.tree.N-1)
		if err != nil {
			return "", err
		}
		if err := head.signedBy(keys); err != nil {
			return "", err
		}
	}
	// The library takes a proof of a tree with itself only where the proof is empty, as the page says.
	if older.tree.N == newer.tree.N {
		if len(path) > 0 || older.tree != newer.tree {
			return "", refuse("BAD_ROOT", "heads of one size differ")
		}
	} else if err := tlog.CheckTree(path, newer.tree.N, newer.tree.Hash, older.tree.N, older.tree.Hash); err != nil {
		return "", refuse("BAD_ROOT", "the heads: %v", err)
	}
	return fmt.Sprintf("%s %d %d", newer.origin, older.tree.N, newer.tree.N), nil
}
