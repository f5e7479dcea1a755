# Every command that a person needs. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help test bench lint fmt doc

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## run every lesson with real processes and real sockets, over loopback
	cargo test --locked

bench: ## compare the downloader, the answering servers and the group chat with other programs
	cargo bench --locked --bench compare

lint: ## formatting, clippy and the documentation, without a warning
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps

fmt: ## format the code
	cargo fmt --all

doc: ## build and open the documentation of the library that the lessons share
	cargo doc --locked --no-deps --lib --open
