"""The Helm chart's objects, given to a real kube-apiserver (`make kube`)."""
