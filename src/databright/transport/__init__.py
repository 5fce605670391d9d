"""The gRPC hub: sessions of workers that dial out, blobs by hash, predictions for payers."""
