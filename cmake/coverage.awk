# gcovr's figures for each file (--csv), summed by folder.
function row(name, lines, reached, branches, taken)
{
	printf "%-22s %7d %7.1f %% %9d %7.1f %%\n", name, lines, lines ? 100 * reached / lines : 100,
		branches, branches ? 100 * taken / branches : 100
}

NR == 1 {
	printf "%-22s %7s %9s %9s %9s\n", "folder", "lines", "reached", "branches", "reached"
	next
}

{
	folder = $1
	sub("/[^/]*$", "", folder)
	if (!(folder in lines))
		order[++folders] = folder
	lines[folder] += $2; reached[folder] += $3; branches[folder] += $5; taken[folder] += $6
	lines["all"] += $2; reached["all"] += $3; branches["all"] += $5; taken["all"] += $6
}

END {
	for (i = 1; i <= folders; i++)
		row(order[i], lines[order[i]], reached[order[i]], branches[order[i]], taken[order[i]])
	row("all", lines["all"], reached["all"], branches["all"], taken["all"])
}
