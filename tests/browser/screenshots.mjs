// A picture of a page of the built book:
//
//   node screenshots.mjs OUT.png PAGE [--width 1280] [--height 800] [--theme light] [--element SELECTOR] [--step N] [--scale 2] [--full] [--window]
//
// PAGE is a path in the book (07-echo.html). --element takes the picture of one thing on the page, --step plays its session up to
// that step first, --full takes the whole page, --window
// the window around that thing. BOOK and CHROMIUM as for the tests.

import { parseArgs } from 'node:util';
import { choose, launch, serve } from './support.mjs';

const { values, positionals: [out, path] } = parseArgs({
    allowPositionals: true,
    options: {
        width: { type: 'string', default: '1280' },
        height: { type: 'string', default: '800' },
        theme: { type: 'string', default: 'light' },
        scale: { type: 'string', default: '1' },
        element: { type: 'string' },
        step: { type: 'string' },
        full: { type: 'boolean', default: false },
        window: { type: 'boolean', default: false },
    },
});
if (!path) throw new Error('usage: node screenshots.mjs OUT.png PAGE [options]');

const server = await serve();
const browser = await launch();
try {
    const context = await browser.newContext({
        viewport: { width: Number(values.width), height: Number(values.height) },
        deviceScaleFactor: Number(values.scale),
        reducedMotion: 'reduce',
    });
    await choose(context, values.theme);
    const page = await context.newPage();
    await page.goto(`${server.origin}/${path}`);
    if (values.step) {
        const session = page.locator(values.element ?? 'figure.session').first();
        await session.locator('.player .start').click();
        for (let step = 0; step < Number(values.step); step++) await session.locator('.player .forward').click();
        await page.mouse.move(0, 0);
        await page.evaluate(() => document.activeElement.blur());
    }
    const element = values.element ? page.locator(values.element).first() : undefined;
    if (values.window) await element?.evaluate(element => element.scrollIntoView({ block: 'center' }));
    const subject = values.window ? page : element ?? page;
    await subject.screenshot({ path: out, ...(subject === page ? { fullPage: values.full } : {}) });
} finally {
    await browser.close();
    await server.close();
}
