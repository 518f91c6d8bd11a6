"""Models on disk: names, blobs, manifests, headers, Modelfiles."""
