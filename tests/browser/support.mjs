// What the browser tests and the screenshots share: the built book, a server for it, a browser.

import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const BOOK = resolve(process.env.BOOK ?? fileURLToPath(new URL('../../target/book', import.meta.url)));

if (!existsSync(resolve(BOOK, 'index.html'))) throw new Error(`no book in ${BOOK}: build it first (make book-build), or say where it is in BOOK`);

const TYPES = {
    '.css': 'text/css; charset=utf-8',
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.json': 'application/json',
    '.png': 'image/png',
    '.svg': 'image/svg+xml',
    '.woff2': 'font/woff2',
};

/** Every page of the book, as paths relative to BOOK. `toc.html` is a frame inside the others. */
export async function pages() {
    const files = await readdir(BOOK, { recursive: true });
    return files.map(file => file.split(sep).join('/')).filter(file => file.endsWith('.html') && !file.endsWith('toc.html')).sort();
}

/** Serves the book on a port that the system chooses: `{ origin, close }`. */
export async function serve() {
    const server = createServer(async (request, response) => {
        const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
        const file = resolve(BOOK, `.${path.endsWith('/') ? `${path}index.html` : path}`);
        try {
            if (!file.startsWith(BOOK + sep)) throw new Error('outside of the book');
            const body = await readFile(file);
            response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'cache-control': 'max-age=600' }).end(body);
        } catch {
            response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
        }
    });
    await new Promise((done, failed) => server.once('error', failed).listen(0, '127.0.0.1', done));
    return {
        origin: `http://127.0.0.1:${server.address().port}`,
        close: () => new Promise(done => {
            server.close(done);
            server.closeAllConnections();
        }),
    };
}

/** A browser of the system: CHROMIUM names another one. */
export function launch() {
    const known = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];
    const executablePath = process.env.CHROMIUM ?? known.find(existsSync);
    if (!executablePath) throw new Error('no browser found: say where Chromium is in CHROMIUM');
    return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** Makes a context choose this theme of mdBook before a page draws anything. */
export function choose(context, theme) {
    return context.addInitScript(name => {
        try {
            localStorage.setItem('mdbook-theme', name);
        } catch {
            // a frame without storage
        }
    }, theme);
}
