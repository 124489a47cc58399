// Command notecheck reads logs as JSON from standard input and checks them with golang.org/x/mod/sumdb: note opens the
// checkpoints, tlog makes the roots again from the headers and checks our proofs. ML-DSA-44 keys are those of
// github.com/transparency-dev/formats.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type proof struct {
	Index, Size int64 // of inclusion: leaf and tree; of consistency: the smaller tree and the larger one
	Hashes      []tlog.Hash
}

type tree struct {
	Leaves      [][]byte // what is hashed as a leaf
	LeafHashes  []tlog.Hash
	Roots       []tlog.Hash // of the first 1, 2, … leaves
	Inclusion   []proof
	Consistency []proof
}

type checkpoint struct {
	Keys []string
	Note string
	Bad  bool // it must not open
	Text string
}

type input struct {
	Trees       []tree
	Checkpoints []checkpoint
}

// stored is tlog's dense storage of a tree's hashes.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = s[index]
	}
	return hashes, nil
}

func checkTree(t tree) error {
	var hashes stored
	for n, data := range t.Leaves {
		leaf := tlog.RecordHash(data)
		if leaf != t.LeafHashes[n] {
			return fmt.Errorf("leaf %d is %v, not %v", n, leaf, t.LeafHashes[n])
		}
		more, err := tlog.StoredHashesForRecordHash(int64(n), leaf, hashes)
		if err != nil {
			return err
		}
		hashes = append(hashes, more...)
		root, err := tlog.TreeHash(int64(n)+1, hashes)
		if err != nil {
			return err
		}
		if root != t.Roots[n] {
			return fmt.Errorf("the root of %d leaves is %v, not %v", n+1, root, t.Roots[n])
		}
	}
	for _, p := range t.Inclusion {
		if err := tlog.CheckRecord(p.Hashes, p.Size, t.Roots[p.Size-1], p.Index, t.LeafHashes[p.Index]); err != nil {
			return fmt.Errorf("leaf %d in %d: %w", p.Index, p.Size, err)
		}
	}
	for _, p := range t.Consistency {
		if err := tlog.CheckTree(p.Hashes, p.Size, t.Roots[p.Size-1], p.Index, t.Roots[p.Index-1]); err != nil {
			return fmt.Errorf("%d in %d: %w", p.Index, p.Size, err)
		}
	}
	return nil
}

// newVerifier reads a key of either type.
func newVerifier(key string) (note.Verifier, error) {
	verifier, err := note.NewVerifier(key)
	if err == nil {
		return verifier, nil
	}
	return fnote.NewMLDSAVerifier(key)
}

func checkNote(c checkpoint) error {
	var verifiers []note.Verifier
	for _, key := range c.Keys {
		verifier, err := newVerifier(key)
		if err != nil {
			return err
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open([]byte(c.Note), note.VerifierList(verifiers...))
	if c.Bad {
		if err == nil {
			return fmt.Errorf("it opened and must not: %q", c.Note)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if opened.Text != c.Text || len(opened.Sigs) != len(verifiers) {
		return fmt.Errorf("text %q with %d signatures", opened.Text, len(opened.Sigs))
	}
	return nil
}

func main() {
	log.SetFlags(0)
	var in input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		log.Fatal(err)
	}
	for n, t := range in.Trees {
		if err := checkTree(t); err != nil {
			log.Fatalf("tree %d: %v", n, err)
		}
	}
	for n, c := range in.Checkpoints {
		if err := checkNote(c); err != nil {
			log.Fatalf("checkpoint %d: %v", n, err)
		}
	}
	fmt.Printf("%d trees, %d checkpoints\n", len(in.Trees), len(in.Checkpoints))
}
