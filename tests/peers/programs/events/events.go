// Package events reads the events that all peers are given.
package events

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// Read returns the events of a file: each is a key and a value, and each of these is its length and its bytes.
func Read(path string) ([][]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<20)
	var events [][]byte
	for {
		key, err := field(reader)
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		value, err := field(reader)
		if err != nil {
			return nil, io.ErrUnexpectedEOF
		}
		events = append(events, append(key, value...))
	}
}

func field(reader io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(reader, size[:]); err != nil {
		return nil, err
	}
	bytes := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(reader, bytes)
	return bytes, err
}
