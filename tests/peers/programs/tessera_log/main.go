// tessera_log adds events to a new Tessera log on a POSIX file system, and prints how long that took as JSON.
//
// The clock runs from the first Add to the moment at which the last entry is sequenced, integrated and on the disk.
// The checkpoint that follows is not waited for.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"auditseal.invalid/peers/events"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	path := flag.String("events", "", "file of events: length and bytes of a key, length and bytes of a value")
	directory := flag.String("directory", "", "new directory of the log")
	batch := flag.Uint("batch", tessera.DefaultBatchMaxSize, "most entries of a batch")
	age := flag.Duration("age", tessera.DefaultBatchMaxAge, "oldest age of a batch")
	outstanding := flag.Uint("outstanding", tessera.DefaultPushbackMaxOutstanding, "most entries not yet integrated")
	flag.Parse()
	entries, err := events.Read(*path)
	if err != nil {
		log.Fatal(err)
	}
	seconds, err := add(entries, *directory, *batch, *age, *outstanding)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"events": float64(len(entries)), "seconds": seconds,
	}); err != nil {
		log.Fatal(err)
	}
}

// add returns the seconds from the first Add to the last entry's integration.
func add(entries [][]byte, directory string, batch uint, age time.Duration, outstanding uint) (float64, error) {
	ctx := context.Background()
	secret, _, err := note.GenerateKey(rand.Reader, "peers.example/log")
	if err != nil {
		return 0, err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return 0, err
	}
	driver, err := posix.New(ctx, posix.Config{Path: directory})
	if err != nil {
		return 0, err
	}
	options := tessera.NewAppendOptions().WithCheckpointSigner(signer).
		WithBatching(batch, age).WithPushback(outstanding)
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	pending := make(chan tessera.IndexFuture, outstanding-1)
	added := make(chan error, 1)
	go func() { added <- await(pending) }()
	for _, entry := range entries {
		pending <- appender.Add(ctx, tessera.NewEntry(entry))
	}
	close(pending)
	if err := <-added; err != nil {
		return 0, err
	}
	seconds := time.Since(began).Seconds()
	return seconds, shutdown(ctx)
}

// await resolves the futures in their order; it fails if one fails or is a duplicate.
func await(pending <-chan tessera.IndexFuture) error {
	for future := range pending {
		index, err := future()
		if err != nil {
			return err
		}
		if index.IsDup {
			return fmt.Errorf("entry %d is a duplicate", index.Index)
		}
	}
	return nil
}
