"""One block or record by itself: found, verified as far as it can be alone, shown and proven.

| module | what it holds |
| --- | --- |
| `single_block` | one block or record, found and verified by itself |
| `prover` | makes proofs: of one record, of a producer's receipt, and that one head is a prefix of a later one |
| `block_json` | a block, a record or a proof, as JSON |
| `index_proof_json` | a proof from an index, as JSON |
| `block_text` | a block, a record or a proof, as text |
"""
