// immudb_store commits events to a new immudb embedded store, and prints how long that took as JSON.
//
// Each commit is synced to the disk before it returns. No index is made: immudb's performance guide recommends the
// store as a mere ledger for throughput.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"log"
	"os"
	"sync"
	"time"

	"auditseal.invalid/peers/events"
	"github.com/codenotary/immudb/embedded/logger"
	"github.com/codenotary/immudb/embedded/store"
)

func main() {
	path := flag.String("events", "", "file of events: length and bytes of a key, length and bytes of a value")
	directory := flag.String("directory", "", "new directory of the store")
	batch := flag.Int("batch", 1000, "events of a transaction")
	committers := flag.Int("committers", 20, "transactions that are committed at the same time")
	flag.Parse()
	entries, err := events.Read(*path)
	if err != nil {
		log.Fatal(err)
	}
	seconds, err := commitAll(entries, *directory, *batch, *committers)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"events": float64(len(entries)), "seconds": seconds,
	}); err != nil {
		log.Fatal(err)
	}
}

// commitAll returns the seconds from the first transaction to the last commit.
func commitAll(entries [][]byte, directory string, batch, committers int) (float64, error) {
	options := store.DefaultOptions().WithSynced(true).WithMaxConcurrency(committers).WithMultiIndexing(true).
		WithLogger(logger.NewSimpleLoggerWithLevel("immudb ", os.Stderr, logger.LogError))
	opened, err := store.Open(directory, options)
	if err != nil {
		return 0, err
	}
	batches := make(chan int)
	failed := make(chan error, committers)
	var working sync.WaitGroup
	began := time.Now()
	for range committers {
		working.Add(1)
		go func() {
			defer working.Done()
			for first := range batches {
				if err := commit(opened, entries[first:min(first+batch, len(entries))], first); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	for first := 0; first < len(entries); first += batch {
		select {
		case batches <- first:
		case err := <-failed:
			return 0, err
		}
	}
	close(batches)
	working.Wait()
	seconds := time.Since(began).Seconds()
	select {
	case err := <-failed:
		return 0, err
	default:
		return seconds, opened.Close()
	}
}

// commit commits events in one transaction; an event's number is its key.
func commit(opened *store.ImmuStore, events [][]byte, first int) error {
	ctx := context.Background()
	transaction, err := opened.NewWriteOnlyTx(ctx)
	if err != nil {
		return err
	}
	for number, event := range events {
		key := binary.BigEndian.AppendUint64(nil, uint64(first+number))
		if err := transaction.Set(key, nil, event); err != nil {
			return err
		}
	}
	_, err = transaction.Commit(ctx)
	return err
}
