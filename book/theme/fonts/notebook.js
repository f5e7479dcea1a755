// Plays the sessions of the book: step by step, or in the time they took. Without it they are complete text.
'use strict';

(() => {
    const LABELS = {
        en: {
            player: 'Play the session',
            start: 'To the start',
            back: 'Step back',
            play: 'Play',
            pause: 'Pause',
            forward: 'Step forward',
            end: 'To the end',
            step: (step, steps) => `${step} of ${steps}`,
            copy: name => `Copy the commands of ${name}`,
            copied: 'Copied',
            code: 'Code',
            table: 'Table',
        },
    };
    const language = document.documentElement.lang;
    const labels = LABELS[language] || LABELS[language.split('-')[0]] || LABELS.en;

    // The shortest and the longest time between two steps, in milliseconds: the recorded ones are a few
    // milliseconds, or as long as somebody waited.
    const SHORTEST = 700, LONGEST = 2000;

    const ICONS = {
        start: 'M3 2.5h1.8v11H3zM13 2.5v11L5.6 8z',
        back: 'M11.5 2.5v11L4 8z',
        play: 'M4.5 2.2 13 8l-8.5 5.8z',
        pause: 'M4 2.5h3v11H4zM9 2.5h3v11H9z',
        forward: 'M4.5 2.5 12 8l-7.5 5.5z',
        end: 'M11.2 2.5H13v11h-1.8zM3 2.5 10.4 8 3 13.5z',
        copy: 'M5 1h9v10h-3v4H2V5h3zm1.3 1.3V5H11v4.7h1.7V2.3zm-3 4h6.4v7.4H3.3z',
        done: 'M6.2 12.6 1.9 8.3l1.3-1.3 3 3 6.6-6.6 1.3 1.3z',
    };
    const icon = name => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;

    const add = (parent, name, attributes = {}) => {
        const element = parent.appendChild(document.createElement(name));
        for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
        return element;
    };
    const name = (button, label) => {
        button.title = label;
        button.setAttribute('aria-label', label);
    };

    /* ---- A session ---- */

    const session = figure => {
        const screen = figure.querySelector('.screen');
        const frame = figure.querySelector('.packets-frame');
        const events = [...figure.querySelectorAll('.event')];
        const rows = [...figure.querySelectorAll('.packets tbody tr')];
        let step = events.length;
        let marked = false;         // at rest, nothing is marked: the page is as it was written
        let timer = 0;

        const player = document.createElement('div');
        player.className = 'player';
        player.setAttribute('role', 'group');
        player.setAttribute('aria-label', labels.player);
        const button = (kind, act) => {
            const made = add(player, 'button', { type: 'button', class: kind });
            made.innerHTML = icon(kind);
            name(made, labels[kind]);
            made.addEventListener('click', () => {
                if (made.getAttribute('aria-disabled') !== 'true') act();
            });
            return made;
        };

        const show = (to, mark, moving) => {
            step = Math.max(0, Math.min(events.length, to));
            marked = mark;
            figure.classList.toggle('moving', moving);
            events.forEach((event, index) => {
                event.classList.toggle('later', index >= step);
                // The prompt stands there as soon as it was printed, and waits for what will be typed.
                event.classList.toggle('prompted', event.dataset.prompted <= step);
                event.classList.toggle('now', mark && index === step - 1);
            });
            for (const row of rows) {
                row.classList.toggle('later', row.dataset.step > step);
                row.classList.toggle('now', mark && Number(row.dataset.step) === step);
            }
            counter.textContent = labels.step(step, events.length);
            if (mark && step > 0) add(counter, 'span', { class: 'said' }).textContent = `. ${events[step - 1].textContent}`;
            for (const made of [start, back]) made.setAttribute('aria-disabled', step === 0);
            for (const made of [forward, end]) made.setAttribute('aria-disabled', step === events.length && !timer);
            point();
        };

        const pause = () => {
            clearTimeout(timer);
            timer = 0;
            play.innerHTML = icon('play');
            name(play, labels.play);
        };
        const wait = () => {
            const time = index => Number(events[index].dataset.time);
            const recorded = step > 0 ? time(step) - time(step - 1) : 0;
            timer = setTimeout(() => {
                show(step + 1, true, true);
                if (step < events.length) {
                    wait();
                } else {
                    pause();
                    show(step, true, false);
                }
            }, Math.max(SHORTEST, Math.min(LONGEST, recorded)));
        };
        const go = (to, mark = true) => {
            pause();
            show(to, mark, true);
        };

        const start = button('start', () => go(0));
        const back = button('back', () => go(step - 1));
        const play = button('play', () => {
            if (timer) {
                go(step);
                return;
            }
            if (step === events.length) show(0, true, true);
            play.innerHTML = icon('pause');
            name(play, labels.pause);
            wait();
        });
        const forward = button('forward', () => go(step + 1));
        const end = button('end', () => go(events.length, false));
        const counter = add(player, 'output', { 'aria-live': 'polite' });

        const keys = {
            ArrowLeft: () => go(step - 1),
            ArrowRight: () => go(step + 1),
            Home: () => go(0),
            End: () => go(events.length, false),
        };
        figure.addEventListener('keydown', event => {
            if (!keys[event.key] || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.stopPropagation();        // these keys turn mdBook's pages
            if (event.target === frame && frame.scrollWidth > frame.clientWidth) return;
            event.preventDefault();
            keys[event.key]();
        });

        // From the event that happens now to the packets that came with it: down between the terminals and the
        // packets, and along their left side.
        const arrow = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
        arrow.setAttribute('class', 'arrow');
        arrow.setAttribute('aria-hidden', 'true');
        const point = () => {
            const news = marked ? rows.filter(row => Number(row.dataset.step) === step) : [];
            arrow.innerHTML = '';
            if (!news.length || getComputedStyle(screen).display !== 'grid') return;
            const origin = figure.getBoundingClientRect();
            const from = events[step - 1].getBoundingClientRect();
            const table = frame.getBoundingClientRect();
            const bottom = screen.getBoundingClientRect().bottom - origin.top;
            const x = from.left - origin.left + 8, y = from.bottom - origin.top;
            const turn = (bottom + table.top - origin.top) / 2;
            const gutter = 9, side = table.left - origin.left, round = 5;
            const heights = news.map(row => row.getBoundingClientRect()).map(box => (box.top + box.bottom) / 2 - origin.top);
            let line = `M${x} ${y}`;
            if (x > gutter + 2 * round) line += `V${turn - round}q0 ${round} ${-round} ${round}H${gutter + round}q${-round} 0 ${-round} ${round}`;
            let heads = '';
            heights.forEach((height, index) => {
                line += `${index ? `M${gutter} ${heights[index - 1] - round}` : ''}V${height - round}q0 ${round} ${round} ${round}H${side - 5}`;
                heads += `M${side} ${height}l-7 -4v8z`;
            });
            arrow.innerHTML = `<path d="${line}"/><path class="head" d="${heads}"/>`;
        };

        for (const terminal of figure.querySelectorAll('.terminal')) {
            const title = terminal.querySelector('.name');
            const lane = terminal.style.getPropertyValue('--lane').trim();
            const commands = [...figure.querySelectorAll(`.event[data-lane="${lane}"] kbd.command`)].map(command => command.textContent);
            const label = labels.copy(title.textContent);
            const made = add(title, 'button', { type: 'button', class: 'copy' });
            made.innerHTML = icon('copy');
            name(made, label);
            made.addEventListener('click', async () => {
                await copy(commands.join('\n'));
                made.innerHTML = icon('done');
                made.classList.add('done');
                name(made, labels.copied);
                setTimeout(() => {
                    made.innerHTML = icon('copy');
                    made.classList.remove('done');
                    name(made, label);
                }, 1500);
            });
        }

        figure.classList.add('played');
        figure.tabIndex = -1;               // a click into it gives it the keys
        figure.prepend(player);
        figure.append(arrow);
        show(events.length, false, false);
        new ResizeObserver(point).observe(figure);
    };

    const copy = async text => {
        try {
            await navigator.clipboard.writeText(text);
        } catch {                           // not there, or not allowed: from a file, say
            const focus = document.activeElement;
            const area = add(document.body, 'textarea', { style: 'position:fixed;opacity:0' });
            area.value = text;
            area.select();
            document.execCommand('copy');
            area.remove();
            if (focus) focus.focus({ preventScroll: true });
        }
    };

    document.querySelectorAll('figure.session').forEach(session);

    /* ---- Code in a line: a browser breaks behind every hyphen, and makes "-" and "-timeout" of "--timeout" ---- */

    // What is too long for the narrowest screen stays as it is.
    const LONGEST_WORD = 24;

    for (const code of document.querySelectorAll('.session .event > :is(kbd, samp), main :not(pre) > code')) {
        if (code.children.length > 0 || !/[-[]/.test(code.textContent)) continue;
        code.replaceChildren(...code.textContent.split(/(\s+)/).map(part => {
            if (part.length > LONGEST_WORD || !/[-[]/.test(part)) return part;
            const word = document.createElement('span');
            word.className = 'word';
            word.textContent = part;
            return word;
        }));
    }

    /* ---- Code and diagrams: what scrolls takes the keys ---- */

    for (const code of document.querySelectorAll('pre > code')) {
        code.tabIndex = 0;
        code.setAttribute('role', 'group');
        code.setAttribute('aria-label', labels.code);
        code.addEventListener('keydown', event => {
            if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') event.stopPropagation();
        });
    }

    for (const drawing of document.querySelectorAll('.diagram .drawing')) {
        const svg = drawing.querySelector('svg');
        if (svg?.viewBox.baseVal && !drawing.style.getPropertyValue('--width')) drawing.style.setProperty('--width', svg.viewBox.baseVal.width);
    }

    for (const box of document.querySelectorAll('.diagram .drawing, .table-wrapper')) {
        if (!box.hasAttribute('role')) {
            box.setAttribute('role', 'group');
            box.setAttribute('aria-label', labels.table);
        }
        box.addEventListener('keydown', event => {
            if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') event.stopPropagation();
        });
        new ResizeObserver(() => {
            if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
            else box.removeAttribute('tabindex');
        }).observe(box);
    }

    // The corner of a table is no heading of anything.
    for (const corner of document.querySelectorAll('th:empty')) corner.replaceWith(document.createElement('td'));

    /* ---- mdBook's own bar, for screen readers and the keyboard ---- */

    const role = (id, role) => document.getElementById(id)?.setAttribute('role', role);
    role('mdbook-menu-bar', 'banner');
    role('mdbook-search-wrapper', 'search');

    // What opens the table of contents is a label there, which no key reaches: a button presses it.
    const label = document.getElementById('mdbook-sidebar-toggle');
    const sidebar = document.getElementById('mdbook-sidebar-toggle-anchor');
    if (label && sidebar) {
        const button = document.createElement('button');
        button.type = 'button';
        button.className = label.className;
        button.innerHTML = label.innerHTML;
        button.setAttribute('aria-controls', 'mdbook-sidebar');
        name(button, label.title);
        const tell = () => button.setAttribute('aria-expanded', sidebar.checked);
        tell();
        sidebar.addEventListener('change', tell);
        button.addEventListener('click', () => label.click());
        label.before(button);
        label.hidden = true;
    }

    /* ---- A link into a folded file opens it ---- */

    const open = () => {
        const id = decodeURIComponent(location.hash.slice(1));
        const target = id && document.getElementById(id);
        const folded = target && target.closest('details');
        if (folded && !folded.open) {
            folded.open = true;
            target.scrollIntoView();
        }
    };
    window.addEventListener('hashchange', open);
    document.addEventListener('click', event => {       // a second click on the same link changes no hash
        const link = event.target.closest('a[href*="#"]');
        if (link && link.hash && link.href === location.href) open();
    });
    open();
})();
