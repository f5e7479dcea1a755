# Every command that a person needs. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help book book-build record exercise grade test browser bench lint fmt doc

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

book: ## build the book, serve it on this machine, and show what is saved at once
	cargo run --locked --package notebook -- serve

book-build: ## build the book into target/book
	cargo run --locked --package notebook -- build

record: ## record the new and changed sessions for systems that cannot run them (on Linux)
	cargo run --locked --package notebook -- record

exercise: ## check your exercise N, as in make exercise N=07; without N, show what is to do
	@cargo exercise $(N) || true

grade: ## check your exercises and write the grade; a class is graded with DIR=its-folder
	@cargo exercise grade $(if $(DIR),"$(DIR)")

test: ## run every lesson and every session of the book, with real processes and real sockets
	cargo test --locked
	cargo test --locked --package notebook

browser: book-build ## try the book in a browser: needs Chromium and Node 20
	cd tests/browser && npm ci --no-audit --no-fund && npm test

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
