"""The SDK that services publish audit events with."""
