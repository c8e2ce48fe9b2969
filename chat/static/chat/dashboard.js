// Draws the dashboard's charts, with uPlot, from the JSON that the page holds. All times are UTC.
"use strict";
{
    const data = JSON.parse(document.getElementById("figures-data")?.textContent ?? "{}");
    const section = document.getElementById("figures");
    const colour = name => getComputedStyle(section).getPropertyValue(name).trim();
    const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
    const short = new Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1});

    const count = value => value == null ? "–" : whole.format(value);
    const seconds = ms => ms == null ? "–" : `${(ms / 1000).toFixed(ms < 100000 ? 2 : 0)} s`;
    const dollars = value => value == null ? "–" : `$${value.toFixed(value >= 1 || value === 0 ? 2 : 4)}`;
    const pad = number => String(number).padStart(2, "0");
    const clock = second => {
        const at = new Date(second * 1000);
        return `${at.getUTCFullYear()}-${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())} ${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}`;
    };

    // Each chart: its columns with a name and a colour, how a value is said, how the axis says it, and whether it has bars.
    const CHARTS = {
        turns: {columns: [["turns", "all", "--one"], ["failed", "failed", "--two"]], say: count, axis: v => short.format(v), bars: true},
        first: {columns: [["first50", "p50", "--one"], ["first95", "p95", "--two"]], say: seconds, axis: v => `${v / 1000} s`},
        duration: {columns: [["duration50", "p50", "--one"], ["duration95", "p95", "--two"]], say: seconds, axis: v => `${v / 1000} s`},
        tokens: {columns: [["input", "in", "--one"], ["output", "out", "--three"]], say: count, axis: v => short.format(v), bars: true},
        cost: {columns: [["cost", "USD", "--three"]], say: dollars, axis: v => `$${+v.toPrecision(3)}`, bars: true},
    };
    // uPlot's templates for the axis of time, longest step first: [step, text, and the line below where the year, month or day changes].
    const TIMES = [
        [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
        [60, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
        [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1],
    ];

    // A stretch that was dragged over becomes the page's range.
    const look = chart => {
        const {left, width} = chart.select;
        if (width < 8) {
            return;
        }
        const [from, to] = [left, left + width].map(x => chart.posToVal(x, "x"));
        location.search = new URLSearchParams({range: "own", from: clock(from), to: clock(Math.ceil(to / 60) * 60)});
    };

    const options = (chart, width) => {
        const line = {stroke: colour("--body-quiet-color"), grid: {stroke: colour("--hairline-color"), width: 1}, ticks: {show: false}};
        const paths = chart.bars ? uPlot.paths.bars({size: [0.85, 48], align: 1}) : uPlot.paths.linear();
        return {
            width,
            height: 210,
            tzDate: second => uPlot.tzDate(new Date(second * 1000), "Etc/UTC"),
            scales: {x: {range: [data.since, data.until]}, y: {range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1]}},
            axes: [{...line, values: TIMES}, {...line, size: 62, values: (_, ticks) => ticks.map(chart.axis)}],
            cursor: {y: false, points: {show: !chart.bars}, drag: {x: true, y: false, setScale: false}},
            hooks: {setSelect: [look]},
            series: [
                {label: "UTC", value: (_, second) => second == null ? "–" : clock(second)},
                ...chart.columns.map(([, label, name]) => ({
                    label,
                    stroke: colour(name),
                    fill: chart.bars ? colour(name) : undefined,
                    width: chart.bars ? 0 : 2,
                    paths,
                    points: {show: chart.bars ? false : undefined, size: 4},
                    value: (_, value) => chart.say(value),
                })),
            ],
        };
    };

    const drawn = new Map();
    const draw = box => {
        const chart = CHARTS[box.dataset.chart];
        drawn.get(box)?.destroy();
        drawn.set(box, new uPlot(options(chart, box.clientWidth), [data.at, ...chart.columns.map(([name]) => data[name])], box));
    };
    const boxes = data.at ? [...document.querySelectorAll("[data-chart]")] : [];
    boxes.forEach(draw);
    boxes.forEach(box => box.setAttribute("aria-hidden", "true")); // the numbers below say the same

    // The colours are drawn into the canvas: another theme is another drawing.
    const again = () => boxes.forEach(draw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    new MutationObserver(again).observe(document.documentElement, {attributeFilter: ["data-theme"]});
    const sizes = new ResizeObserver(entries => {
        for (const {target} of entries) {
            const chart = drawn.get(target);
            if (chart && chart.width !== target.clientWidth) {
                chart.setSize({width: target.clientWidth, height: 210});
            }
        }
    });
    boxes.forEach(box => sizes.observe(box));

    // The same as a table, for those who read or copy it; made when it is asked for.
    const numbers = document.querySelector(".numbers");
    numbers?.addEventListener("toggle", () => {
        const box = numbers.querySelector("[data-numbers]");
        if (box.childElementCount) {
            return;
        }
        const columns = Object.values(CHARTS).flatMap(({columns, say}) => columns.map(([name]) => [name, say]));
        const titles = ["UTC", "turns", "failed", "first token p50", "p95", "duration p50", "p95", "tokens in", "out", "cost"];
        const table = document.createElement("table");
        const row = (into, cells, tag) => {
            const line = into.insertRow();
            for (const text of cells) {
                line.append(Object.assign(document.createElement(tag), {textContent: text}));
            }
        };
        row(table.createTHead(), titles, "th");
        const body = table.createTBody();
        data.at.forEach((at, number) => row(body, [clock(at), ...columns.map(([name, say]) => say(data[name][number]))], "td"));
        box.append(table);
    });
}
