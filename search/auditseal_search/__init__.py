"""Search in sealed logs: an index of verified blocks, and answers that say how complete they are.

| module | what it holds |
| --- | --- |
| `columns` | the columns of an index |
| `avro_columns` | canonical Avro values, decoded into columns |
| `record_places` | where the records of blocks are in their bytes |
| `event_batch` | values of records, decoded into columns by the thousand |
| `record_batch` | the records of verified blocks as rows |
| `verified_range` | a run of blocks, read, verified and turned into rows |
| `range_pool` | such runs in several processes, in order |
| `row_group` | the rows of one row group while they come |
| `free_memory` | freed memory back to the system |
| `segment_file` | one segment's Parquet file while it is written |
| `manifest` | which segments a log's index has, and what each covers |
| `index_store` | the store of an index, and a directory as one |
| `bucket_store` | a bucket as one |
| `index_builder` | adds to the index of a log |
| `missing_index` | logs of which an index has nothing |
| `follow` | keeps an index up with its vault, with metrics |
| `term_columns` | where the columns hold the values of terms |
| `term_postings` | the terms of one field with their postings |
| `terms_file` | the terms tree of a segment, as a file |
| `terms_reader` | proofs from such a file |
| `index_log` | the transparency log of an index |
| `signed_segment` | the entry of a signed segment |
| `index_signer` | signs the segments of an index |
| `query_terms` | the terms of a filter that an index can prove |
| `completeness_prover` | proofs from a signed index that these are all hits |
| `derived_segment` | a segment made again from the vault |
| `terms_comparison` | the first term about which two trees differ |
| `index_attester` | derives what an index signed again, and proves what is false |
| `index_verifier` | compares an index with its vault |
| `query_fields` | the fields that a filter can name |
| `query` | the filter language |
| `query_sql` | a filter as SQL with parameters |
| `query_rest` | what is left of a filter for the rows of one file |
| `row_filter` | the rows of a table that a filter matches |
| `row_source` | the rows of an answer: from the index, and from the vault for the rest |
| `row_stream` | all rows that match, a batch at a time |
| `hit_order` | the order of hits, and the cursor of the next page |
| `database` | DuckDB, which runs the queries |
| `tallies` | how much matches, by field and by time |
| `encoded_columns` | the columns that a page counts, as numbers in a temporary file |
| `searcher` | hits, pages, counts and histogram |
| `gathered` | the rows that an answer can have, with all that searching them needs |
| `answering` | answers while the index is built on |
| `indexed_rows` | the rows of an index's files, while it is built on |
| `row_json` | a row as JSON |
| `row_times` | times of a row, as other formats write them |
| `csv_cells` | cells of CSV that no spreadsheet computes |
| `csv_lines` | rows as lines of CSV, a column at a time |
| `json_texts` | columns of a row as JSON texts |
| `log_tail` | the rows of a log from some block on, in order |
| `tail` | the matches in new blocks |
| `export` | all matches, to a file or a syslog server |
| `ocsf` | a row as an OCSF event |
| `ecs` | a row in the Elastic Common Schema |
| `cloudevents` | a row as a CloudEvent |
| `cef` | a row as CEF in a syslog message |
| `stream_ledger` | the numbers of every stream, in a database on disk |
| `stream_ledger_sql` | the statements of that database |
| `stream_runs` | runs of numbers, found among records by columns |
| `stream_state` | the states of streams and services |
| `stream_report` | all streams of a vault at one time |
| `stream_certificate` | the signed certificate over them, made and checked |
| `stream_follower` | the states of streams again and again, with metrics |
| `answer` | the grade of an answer, and what it covers |
| `errors` | the errors of this package |
"""
