# Every command that a person needs. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help book book-build record exercise watch hint reset solution grade handout test proof browser bench lint fmt doc

# A learner sees what the checks say, and not what make thinks of a check that fails or of Ctrl-C. Until they
# are built, that would be nothing.
checks = @test -e target/debug/exercise || echo 'The checks are built first, once. This takes a minute or two.'; \
	trap : INT; cargo exercise $(1)
learner = $(checks) || true
named = $(if $(N),$(call learner,$(1)),@echo 'Say which exercise, as in: make $@ N=07')

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

book: ## build the book, serve it here, and show what is saved at once
	cargo run --locked --package notebook -- serve

book-build: ## build the book into target/book
	cargo run --locked --package notebook -- build

record: ## record new and changed sessions for other systems (on Linux)
	cargo run --locked --package notebook -- record

exercise: ## check your exercise, as in N=07; without N, show what is to do
	$(call learner,$(N))

watch: ## check exercise N on each save; without N, the first not done
	$(call learner,watch $(N))

hint: ## show the next hint for exercise N; with AGAIN=1, the first
	$(call named,hint $(N) $(if $(AGAIN),--again))

reset: ## put the hand-out of exercise N back, and keep your file too
	$(call named,reset $(N))

solution: ## show the difference between your exercise N and the solution
	$(call named,solution $(N))

grade: ## write your points to target/grade; with DIR=folder, of a class
	$(call checks,grade $(if $(DIR),"$(DIR)"))

handout: ## pack the course without the solutions into target/handout
	$(call checks,handout)

test: ## run every lesson and session of the book, with real sockets
	cargo test --locked
	cargo test --locked --package notebook

proof: ## prove that the checks are honest and a class can be graded
	cargo test --locked --package checks

browser: book-build ## try the book in a browser: needs Chromium and Node 20
	cd tests/browser && npm ci --no-audit --no-fund && npm test

bench: ## compare servers, chat and downloader with other programs
	cargo bench --locked --bench compare

lint: ## formatting, clippy and the documentation, without a warning
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps
	cargo exercise same

fmt: ## format the code
	cargo fmt --all

doc: ## build and open the documentation of what the lessons share
	cargo doc --locked --no-deps --lib --open
