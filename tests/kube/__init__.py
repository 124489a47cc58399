"""A real kube-apiserver: it checks the Helm chart's objects (`make kube`), and audits requests (`make kube-audit`)."""
