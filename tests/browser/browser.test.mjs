// What the book promises in a browser, one test a promise. README.md says how to run them.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { BOOK, choose, launch, pages, serve } from './support.mjs';

const WEIGHT = 300 * 1024;              // of the first page, in bytes, without the search index
const WIDE = { width: 1800, height: 1000 };
const PHONE = { width: 360, height: 740 };

let server, browser, all;

before(async () => {
    all = await pages();
    server = await serve();
    browser = await launch();
});

after(async () => {
    await browser?.close();
    await server?.close();
});

const at = path => `${server.origin}/${path}`;
const from_file = path => pathToFileURL(resolve(BOOK, path)).href;

/** Runs `use` with a context that is closed however it ends. */
async function within(options, use) {
    const context = await browser.newContext({ viewport: WIDE, reducedMotion: 'reduce', ...options });
    context.setDefaultTimeout(20_000);
    try {
        return await use(context);
    } finally {
        await context.close();
    }
}

/** Visits pages, a few at a time, each in a tab of its own: `use` gives the problems it finds. None may be found. */
async function visit(context, paths, use, { width = 3, url = at } = {}) {
    const waiting = [...paths];
    const problems = [];
    await Promise.all(Array.from({ length: width }, async () => {
        for (let path; (path = waiting.shift());) {
            const page = await context.newPage();
            try {
                const heard = listen(page);
                await page.goto(url(path));
                const found = await use(page, path, heard);
                problems.push(...(found ?? []).map(problem => `${path}: ${problem}`));
            } finally {
                await page.close();
            }
        }
    }));
    assert.deepEqual(problems, []);
}

/** Everything that a page says or asks for that it should not. */
function listen(page) {
    const heard = [];
    page.on('console', message => heard.push(`console ${message.type()}: ${message.text()}`));
    page.on('pageerror', error => heard.push(`error: ${error.message}`));
    page.on('requestfailed', request => heard.push(`failed: ${request.url()}`));
    page.on('response', response => response.status() >= 400 && heard.push(`${response.status()}: ${response.url()}`));
    page.on('request', request => {
        const url = request.url();
        if (!url.startsWith(`${server.origin}/`) && !url.startsWith(pathToFileURL(BOOK).href) && !url.startsWith('data:')) heard.push(`asks another host: ${url}`);
    });
    return heard;
}

/** The pages on which something is, of which the book must have some. */
async function pages_with(pattern) {
    const found = [];
    for (const path of all) if (pattern.test(await readFile(resolve(BOOK, path), 'utf8'))) found.push(path);
    assert.ok(found.length > 0, `no page has ${pattern}`);
    return found;
}

const SESSION = /<figure class="session"/;

const pages_with_sessions = async () => (await pages_with(SESSION)).filter(path => path !== 'print.html');

/** What a reader sees of each session of a page. */
const texts = page => page.locator('figure.session').evaluateAll(figures => figures.map(figure => [
    ...figure.querySelectorAll('.screen, .packets-frame, .capture, figcaption'),
].map(part => part.innerText.trim()).join('\n')));

/** The same, page by page, where no script has run. */
let at_rest;
const static_texts = path => {
    at_rest ??= within({ javaScriptEnabled: false }, async context => {
        const found = new Map();
        const page = await context.newPage();
        for (const path of await pages_with_sessions()) {
            await page.goto(at(path));
            found.set(path, await texts(page));
        }
        return found;
    });
    return at_rest.then(found => found.get(path));
};

/** Added to a page: `shown(figure)` gives the texts of the events that can be seen, `press(figure, name)` presses a button of the player. */
const tools = () => {
    window.shown = figure => [...figure.querySelectorAll('.event')]
        .filter(event => getComputedStyle(event).visibility === 'visible').map(event => event.textContent);
    window.press = (figure, name) => figure.querySelector(`.player .${name}`).click();
};

test('every page loads with an empty console, without an error, and asks no other host', () => within({}, context =>
    visit(context, all, async (page, path, heard) => {
        await page.waitForLoadState('networkidle');
        return heard;
    }, { width: 6 })));

test('a session plays by itself from its start to its end, and ends as the static text', () => within({}, async context => {
    await context.addInitScript(tools);
    await context.addInitScript(() => {     // time passes when the test says so
        window.waiting = new Map();
        let last = 0;
        window.setTimeout = (run, wait) => {
            window.waiting.set(++last, { run, wait });
            return last;
        };
        window.clearTimeout = id => window.waiting.delete(id);
    });
    await visit(context, await pages_with_sessions(), async (page, path) => {
        const problems = await page.locator('figure.session').evaluateAll(figures => figures.flatMap(figure => {
            const problems = [];
            const every = shown(figure);
            const label = () => figure.querySelector('.player .play').getAttribute('aria-label');
            waiting.clear();
            press(figure, 'play');
            if (label() !== 'Pause') problems.push('does not play');
            for (let step = 0; step < every.length; step++) {
                if (shown(figure).length !== step) problems.push(`shows ${shown(figure).length} events at step ${step}`);
                if (waiting.size !== 1) return [...problems, `${waiting.size} things wait at step ${step}`];
                const [{ run, wait }] = waiting.values();
                if (wait < 700 || wait > 2000) problems.push(`waits for ${wait} ms at step ${step}`);
                waiting.clear();
                run();
            }
            if (shown(figure).join() !== every.join() || waiting.size !== 0 || label() !== 'Play') problems.push('does not end');
            return problems.map(problem => `${figure.id}: ${problem}`);
        }));
        assert.deepEqual(await texts(page), await static_texts(path));
        return problems;
    });
}));

test('a session steps back and forward, by button and by key, and jumps to both ends', () => within({}, async context => {
    await context.addInitScript(tools);
    await visit(context, await pages_with_sessions(), async (page, path) => {
        const problems = await page.locator('figure.session').evaluateAll(figures => figures.flatMap(figure => {
            const problems = [];
            const every = shown(figure);
            const key = name => figure.querySelector('.player button').dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
            const expect = (act, steps) => {
                if (shown(figure).join() !== every.slice(0, steps).join()) problems.push(`${act} shows ${shown(figure).length} events instead of ${steps}`);
                const said = figure.querySelector('.player output').textContent;
                if (!said.startsWith(`${steps} of ${every.length}`)) problems.push(`${act} says ${said}`);
            };
            const after = (act, steps) => {
                if (act.startsWith('.')) press(figure, act.slice(1));
                else key(act);
                expect(act, steps);
            };
            const all = every.length;
            expect('loading', all);
            after('.back', all - 1);
            after('.forward', all);
            after('.forward', all);
            after('.start', 0);
            after('.back', 0);
            for (let step = 1; step <= all; step++) {
                after(step % 2 ? '.forward' : 'ArrowRight', step);
                const now = [...figure.querySelectorAll('.event.now')].map(event => event.textContent).join();
                if (now !== every[step - 1]) problems.push(`marks ${now} at step ${step}`);
            }
            after('ArrowLeft', all - 1);
            after('Home', 0);
            after('End', all);
            after('Home', 0);
            after('.end', all);
            return problems.map(problem => `${figure.id}: ${problem}`);
        }));
        assert.deepEqual(await texts(page), await static_texts(path));
        return problems;
    });

    const [path] = await pages_with_sessions();         // and once as a reader does it
    const page = await context.newPage();
    await page.goto(at(path));
    const session = page.locator('figure.session').first();
    const count = () => session.evaluate(figure => shown(figure).length);
    const all = await count();
    await session.locator('.player .back').click();
    assert.equal(await count(), all - 1);
    await page.keyboard.press('ArrowLeft');
    assert.equal(await count(), all - 2);
    await session.locator('.screen').click();
    await page.keyboard.press('Home');
    assert.equal(await count(), 0);
    await session.locator('.player .forward').focus();
    await page.keyboard.press('Space');
    assert.equal(await count(), 1);
}));

test('a prompt stands there from the step in which it was printed, and waits for what is typed', () => within({}, async context => {
    await context.addInitScript(tools);
    let prompts = 0;
    await visit(context, await pages_with_sessions(), async (page, path) => {
        const [found, problems] = await page.locator('figure.session').evaluateAll(figures => {
            const problems = [];
            let found = 0;
            for (const figure of figures) {
                const events = [...figure.querySelectorAll('.event')];
                for (const [index, event] of events.entries()) {
                    if (!event.dataset.prompted) continue;
                    found++;
                    const from = Number(event.dataset.prompted);
                    const visible = selector => getComputedStyle(event.querySelector(selector)).visibility === 'visible';
                    press(figure, 'start');
                    for (let step = 0; step <= index + 1; step++) {
                        if (step) press(figure, 'forward');
                        if (visible('samp') !== step >= from) problems.push(`the prompt of "${event.textContent}" at step ${step}`);
                        if (visible('kbd') !== step > index) problems.push(`the answer of "${event.textContent}" at step ${step}`);
                    }
                }
                press(figure, 'end');
            }
            return [found, problems];
        });
        prompts += found;
        assert.deepEqual(problems, [], path);
    });
    assert.ok(prompts > 0, 'no session has a prompt');
}));

test('the packets of a session come with their steps, and an arrow leads to the new ones', () => within({}, async context => {
    await context.addInitScript(tools);
    await visit(context, (await pages_with(/<table class="packets"/)).filter(path => path !== 'print.html'), page =>
        page.locator('figure.session:has(.packets)').evaluateAll(figures => figures.flatMap(figure => {
            const problems = [];
            const rows = [...figure.querySelectorAll('.packets tbody tr')];
            if (rows.length === 0) problems.push('no packets');
            press(figure, 'start');
            for (let step = 0; step <= figure.querySelectorAll('.event').length; step++) {
                if (step > 0) press(figure, 'forward');
                for (const row of rows) {
                    const [of, seen, now] = [Number(row.dataset.step), getComputedStyle(row).visibility === 'visible', row.classList.contains('now')];
                    if (seen !== of <= step) problems.push(`packet of step ${of} is ${seen ? 'shown' : 'hidden'} at step ${step}`);
                    if (now !== (of === step)) problems.push(`packet of step ${of} is ${now ? '' : 'not '}marked at step ${step}`);
                }
                const arrows = figure.querySelectorAll('.arrow path.head').length;
                if (arrows !== (rows.some(row => Number(row.dataset.step) === step) ? 1 : 0)) problems.push(`${arrows} arrows at step ${step}`);
            }
            return problems.map(problem => `${figure.id}: ${problem}`);
        })));
}));

test('the copy button of a terminal copies its commands and nothing else', () => within({ permissions: ['clipboard-read', 'clipboard-write'] }, async context => {
    await visit(context, await pages_with_sessions(), page =>
        page.evaluate(async () => {
            const problems = [];
            for (const terminal of document.querySelectorAll('figure.session .terminal')) {
                const lane = terminal.style.getPropertyValue('--lane').trim();
                const commands = [...terminal.closest('figure').querySelectorAll(`.event[data-lane="${lane}"] > kbd.command`)].map(command => command.textContent);
                const button = terminal.querySelector('button.copy');
                await navigator.clipboard.writeText('something else');
                const done = new Promise(resolve => new MutationObserver(() => button.classList.contains('done') && resolve()).observe(button, { attributes: true }));
                button.click();
                await done;
                const copied = await navigator.clipboard.readText();
                if (commands.length === 0 || copied !== commands.join('\n')) problems.push(`${terminal.textContent} copies ${JSON.stringify(copied)}, its commands are ${JSON.stringify(commands)}`);
            }
            return problems;
        }), { width: 1 });
}));

test('the arrow keys turn the page, but not while a player or a code block has the focus', () => within({}, async context => {
    const [path] = (await pages_with_sessions()).filter(path => path !== 'index.html' && path !== '404.html');
    const [with_code] = (await pages_with(/<pre><code/)).filter(path => path !== 'print.html' && path !== 'index.html' && path !== '404.html');
    const reached = page => page.evaluate(() => window.reached.splice(0));
    const watch = async (page, url) => {
        await page.goto(at(url));
        await page.evaluate(() => {
            window.reached = [];
            document.addEventListener('keydown', event => window.reached.push(event.key));      // where mdBook listens
        });
    };
    const page = await context.newPage();

    await watch(page, path);
    const player = page.locator('figure.session .player').first();
    for (const button of await player.locator('button').all()) {
        await button.focus();
        for (const key of ['ArrowLeft', 'ArrowRight', 'Home', 'End']) await page.keyboard.press(key);
    }
    await page.locator('figure.session .screen').first().click();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowRight');
    assert.deepEqual(await reached(page), []);

    await watch(page, with_code);
    await page.locator('pre > code').first().focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowLeft');
    assert.deepEqual(await reached(page), []);
    assert.equal(page.url(), at(with_code));

    await page.goto(at('index.html'));
    const next = await page.locator('a[rel~="next"]').first().evaluate(link => link.href);
    await page.keyboard.press('ArrowRight');
    await page.waitForURL(next);
    const previous = await page.locator('a[rel~="prev"]').first().evaluate(link => link.href);
    await page.keyboard.press('ArrowLeft');
    await page.waitForURL(previous);
}));

test('the search finds', () => within({}, async context => {
    const page = await context.newPage();
    await page.goto(at('index.html'));
    await page.locator('#mdbook-search-toggle').click();
    await page.locator('#mdbook-searchbar-outer:not(.searching)').waitFor();       // until then it loads the index
    await page.locator('#mdbook-searchbar').pressSequentially('datagram');
    const results = page.locator('#mdbook-searchresults li');
    await results.first().waitFor();
    await results.first().locator('a').first().click();
    await page.waitForURL(url => url.searchParams.get('highlight') === 'datagram');
    assert.match((await page.locator('main').innerText()).toLowerCase(), /datagram/);
}));

// What does not depend on colours is the same in every theme.
for (const [theme, rules] of [['light', undefined], ['navy', ['color-contrast', 'link-in-text-block']]]) {
    test(`axe finds nothing wrong with any page in the theme ${theme}`, () => within({ viewport: { width: 1280, height: 900 } }, async context => {
        const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
        await choose(context, theme);
        await visit(context, all.filter(path => path !== 'print.html'), async page => {
            assert.ok(await page.evaluate(name => document.documentElement.classList.contains(name), theme));
            await page.evaluate(() => document.querySelectorAll('details:not(.source)').forEach(folded => { folded.open = true; }));
            await page.evaluate(axe);
            const { violations } = await page.evaluate(rules => window.axe.run({ resultTypes: ['violations'], ...(rules && { runOnly: rules }) }), rules);
            return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, any }) => `${id} (${help}): ${target.join(' ')} ${any.map(({ message }) => message).join('; ')}`));
        });
    }));
}

test('no page scrolls sideways on a phone', () => within({ viewport: PHONE, isMobile: true, hasTouch: true }, context => visit(context, all, page => page.evaluate(() => {
    document.querySelectorAll('details').forEach(folded => { folded.open = true; });
    // mdBook lets its own boxes scroll what is too wide for them: that would be the page scrolling, by another name.
    return [document.scrollingElement, document.body, ...document.querySelectorAll('#mdbook-content, #mdbook-content > main')]
        .filter(box => box.scrollWidth > innerWidth || (box.id && box.scrollWidth > box.clientWidth))
        .map(box => {
            const edge = box.getBoundingClientRect().right;
            const scrolls = part => part !== box && (getComputedStyle(part).overflowX !== 'visible' || scrolls(part.parentElement));
            const wide = [...box.querySelectorAll('main *')].filter(part => part.getBoundingClientRect().right > edge && !scrolls(part.parentElement)).slice(-3);
            return `${box.id || box.nodeName} is ${box.scrollWidth} px wide: ${wide.map(part => part.outerHTML.slice(0, 120)).join(' ')}`;
        });
}))));

test('without JavaScript every word of a session can be seen, in the order in which it happened', () => within({ javaScriptEnabled: false }, async context => {
    const paths = await pages_with(SESSION);
    const look = page => page.locator('figure.session').evaluateAll(figures => figures.flatMap(figure => {
        const problems = [];
        const words = text => text.replace(/\s+/g, '');
        for (const part of figure.querySelectorAll('.name, .event, .packets tr, figcaption')) {
            const { width, height } = part.getBoundingClientRect();
            const { visibility, opacity } = getComputedStyle(part);
            if (width === 0 || height === 0 || visibility !== 'visible' || opacity !== '1') problems.push(`cannot be seen: ${part.textContent}`);
            if (words(part.innerText) !== words(part.textContent)) problems.push(`not every word: ${part.textContent}`);
        }
        // Where there is no room for all terminals side by side, a number before each event says the order.
        const last = {};
        for (const event of figure.querySelectorAll('.event')) {
            const numbered = getComputedStyle(event, '::before').display !== 'none';
            const above = numbered ? last[event.dataset.lane] : last.any;
            if (above && above.getBoundingClientRect().bottom > event.getBoundingClientRect().top + 1) problems.push(`stands too high: ${event.textContent}`);
            last[event.dataset.lane] = last.any = event;
        }
        return problems.map(problem => `${figure.id}: ${problem}`);
    }));
    await visit(context, paths, async page => {
        await page.locator('details').evaluateAll(all => all.forEach(folded => { folded.open = true; }));
        const problems = await look(page);
        assert.equal(await page.locator('figure.session[style*="--terminals:2"]').evaluateAll(figures => figures.filter(figure => getComputedStyle(figure.querySelector('.event'), '::before').display !== 'none' && !figure.closest('details')).length), 0);
        await page.setViewportSize(PHONE);
        return [...problems, ...await look(page)];
    });
}));

test('on paper the events stand in order, each with the name of its terminal', () => within({}, async context => {
    await visit(context, await pages_with(SESSION), async page => {
        await page.emulateMedia({ media: 'print' });
        await page.locator('details').evaluateAll(all => all.forEach(folded => { folded.open = true; }));
        return page.locator('figure.session').evaluateAll(figures => figures.flatMap(figure => {
            const events = [...figure.querySelectorAll('.event')];
            return events.flatMap((event, index) => {
                const problems = [];
                const who = event.querySelector('.who');
                if (!who || who.getBoundingClientRect().width < 10) problems.push('no name of its terminal');
                if (getComputedStyle(event).visibility !== 'visible') problems.push('not visible');
                if (index > 0 && events[index - 1].getBoundingClientRect().bottom > event.getBoundingClientRect().top + 1) problems.push('not in order');
                return problems.map(problem => `${figure.id}: ${problem}: ${event.textContent}`);
            });
        }));
    });
}));

test('the first page weighs less than 300 KiB, without the search index', () => within({}, async context => {
    const page = await context.newPage();
    const bodies = [];
    page.on('response', response => {
        if (!/searchindex/.test(response.url())) bodies.push(response.body().then(body => [response.url(), body.length]));
    });
    await page.goto(at('index.html'), { waitUntil: 'networkidle' });
    const weights = await Promise.all(bodies);
    const weight = weights.reduce((sum, [, length]) => sum + length, 0);
    assert.ok(weight > 0 && weight < WEIGHT, `${weight} bytes: ${JSON.stringify(weights)}`);
}));

test('the book works from the disk as well', () => within({ permissions: ['clipboard-read', 'clipboard-write'] }, async context => {
    const paths = all.filter(path => path !== '404.html');      // that one is for servers: its addresses begin at their root
    await visit(context, paths, async (page, path, heard) => heard, { url: from_file });

    const [path] = await pages_with_sessions();
    const reader = await context.newPage();
    await reader.goto(at('index.html'));
    await context.addInitScript(tools);
    await context.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
    const page = await context.newPage();
    await page.goto(from_file(path));
    const session = page.locator('figure.session').first();
    await session.locator('.player .start').click();
    assert.equal(await session.evaluate(figure => shown(figure).length), 0);
    await session.locator('.player .forward').click();
    assert.equal(await session.evaluate(figure => shown(figure).length), 1);
    await session.locator('button.copy').first().click();
    await session.locator('button.copy.done').first().waitFor();
    await reader.bringToFront();
    const commands = await session.locator('.event[data-lane="1"] > kbd.command').allTextContents();
    assert.equal(await reader.evaluate(() => navigator.clipboard.readText()), commands.join('\n'));
}));

test('a link to a folded file opens it', () => within({}, async context => {
    const paths = (await pages_with(/<figure class="listing[^>]*>\s*<figcaption><a href="#source-/)).filter(path => path !== 'print.html');
    await visit(context, paths, async page => {
        const links = page.locator('figure.listing > figcaption a[href^="#source-"]');
        const problems = await links.evaluateAll(links => links.filter(link => !document.getElementById(link.hash.slice(1))?.matches('details:not([open])'))
            .map(link => `${link.hash} is no folded file`));
        const link = links.first();
        const id = (await link.getAttribute('href')).slice(1);
        await link.click();
        await page.locator(`details[id="${id}"][open] > pre`).first().waitFor();
        return problems;
    });

    const [path] = paths;
    const page = await context.newPage();
    await page.goto(at(path));
    const link = page.locator('figure.listing > figcaption a[href^="#source-"]').first();
    const folded = page.locator(`details[id="${(await link.getAttribute('href')).slice(1)}"]`);
    const open = folded.and(page.locator('[open]'));
    await link.click();
    await open.waitFor();
    await folded.locator('summary').click();                // folded again, and the same link once more
    await open.waitFor({ state: 'detached' });
    await link.click();
    await open.waitFor();
    await page.reload();                                    // the address alone opens it too
    await open.waitFor();
}));
