"""Format rows of text, the first one a heading, for papers."""

from collections.abc import Sequence

_LATEX = str.maketrans(
    {sign: f"\\{sign}" for sign in "&%$#_{}"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}"}
)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines.insert(1, ["---"] + ["---:"] * (len(rows[0]) - 1))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def latex(rows: Sequence[Sequence[str]]) -> str:
    """Return a LaTeX tabular with the rules of the package booktabs."""
    heading, *body = (f"{' & '.join(cell.translate(_LATEX) for cell in row)} \\\\" for row in rows)
    columns = "l" + "r" * (len(rows[0]) - 1)
    return "\n".join(
        (f"\\begin{{tabular}}{{{columns}}}", "\\toprule", heading, "\\midrule", *body, "\\bottomrule", "\\end{tabular}")
    )
