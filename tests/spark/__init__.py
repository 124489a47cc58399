"""`make spark`: the example and the table of the how-to, on a real Spark."""
