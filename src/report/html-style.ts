/** The look of the report. Colours are told apart by brightness and by a sign or letter as well; it prints on paper. */
export const STYLE = `
body{font:15px/1.45 system-ui,sans-serif;max-width:1200px;margin:2em auto;padding:0 1em;color:#1a1a1a;background:#fff}
h1{font-size:1.5em}h2{font-size:1.2em;margin-top:2em;border-bottom:1px solid #ccc}
table{border-collapse:collapse;margin:.7em 0}th,td{border:1px solid #ccc;padding:.25em .6em;text-align:left;vertical-align:top}
th{background:#f4f4f4;font-weight:600}.savings td{text-align:right}.savings th:first-child{cursor:help}
small{color:#666}.good{color:#1b5e20;font-weight:600}.bad{color:#b00020;font-weight:600}
code,pre{font:13px/1.4 ui-monospace,monospace;background:#f6f6f6}pre{padding:.7em;overflow-x:auto}
.lanes{overflow-x:auto;border:1px solid #ccc}.keys{color:#555;font-size:13px}
svg text{font:11px ui-monospace,monospace}.head{fill:#333}.rail{stroke:#ddd}
.step{cursor:pointer}.step text,.sign{text-anchor:middle}.step rect{stroke:#555;stroke-width:.5}
.user rect{fill:#fff}.kernel rect{fill:#cfe2f3}.interrupt rect{fill:#f9cb9c}.hardware rect{fill:#d9d2e9}
.loses rect{fill:#b00020}.loses text{fill:#fff;font-weight:bold}.at rect{stroke:#000;stroke-width:2.5}
.ipi{stroke:#c55a11;stroke-width:1.5}#tip path{fill:#c55a11}.cursor{stroke:#000;stroke-dasharray:2 3}
.marker{stroke-width:2}.marker.a{stroke:#00695c}.marker.b{stroke:#6a1b9a;stroke-dasharray:5 3}
.stale{background:#fde0e0;font-weight:bold}.now ul{margin:.3em 0}.now p{margin:.5em 0 0;font-weight:600}
.bar{fill:#6fa8dc}.range{fill:#cfe2f3;stroke:#6fa8dc}.median{stroke:#000;stroke-width:1.5}figure{margin:1em 0}figcaption{font-size:13px;color:#555}
@media print{.keys,.cursor{display:none}.lanes{overflow:visible}section{break-inside:avoid}}
`;
