// Command proofcheck checks proofs of auditseal. It is written from docs/reference/proofs.md and format.md alone, with
// the standard library and golang.org/x/mod/sumdb. It reads cases as JSON from standard input, and prints for each one
// line: "OK" with what the proof establishes, or the verdict and the reason.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
)

type verdict struct {
	name, problem string
}

func (v *verdict) Error() string { return v.name + " " + v.problem }

func refuse(name, format string, values ...any) error {
	return &verdict{name, fmt.Sprintf(format, values...)}
}

func malformed(format string, values ...any) error { return refuse("MALFORMED", format, values...) }

// pinned is a log of the trust file.
type pinned struct {
	keys  []string
	start int64
}

// readTrust reads the lines of a trust file that proofs need (format.md, section 13).
func readTrust(text string) (map[string]*pinned, error) {
	logs := map[string]*pinned{}
	starts := map[string]int64{}
	for _, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "log":
			origin, _, _ := strings.Cut(words[1], "+")
			if logs[origin] == nil {
				logs[origin] = &pinned{}
			}
			logs[origin].keys = append(logs[origin].keys, words[1])
		case len(words) == 4 && words[0] == "start":
			var height int64
			if _, err := fmt.Sscan(words[2], &height); err != nil {
				return nil, err
			}
			starts[words[1]] = height
		}
	}
	for origin, height := range starts {
		logs[origin].start = height
	}
	return logs, nil
}

func check(proof, trust string) (string, error) {
	logs, err := readTrust(trust)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(proof, consistencyLine) {
		return checkConsistency(proof, logs)
	}
	return checkRecord(proof, logs)
}

func main() {
	log.SetFlags(0)
	var cases []struct {
		Proof []byte
		Trust string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		log.Fatal(err)
	}
	for _, one := range cases {
		shown, err := check(string(one.Proof), one.Trust)
		var found *verdict
		switch {
		case err == nil:
			fmt.Println("OK", shown)
		case errors.As(err, &found):
			fmt.Printf("%s %q\n", found.name, found.problem)
		default:
			log.Fatal(err)
		}
	}
}
