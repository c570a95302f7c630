//! References to documents of the repository: the section must exist.

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use crate::shell::{output, program, root};

    /// Sources cite the protocol as `docs/wire.md, "Section"`.
    #[test]
    fn every_cited_section_of_the_wire_exists() -> anyhow::Result<()> {
        let wire = fs::read_to_string(root().join("docs/wire.md"))?;
        let heading = |line: &str| Some(line.trim_start_matches('#').strip_prefix(' ')?.to_owned());
        let sections: BTreeSet<_> =
            (wire.lines().filter(|line| line.starts_with('#'))).filter_map(heading).collect();
        let files = output(program("git").args(["grep", "-l", "docs/wire.md,", "--", "src"]))?;
        let mut cited = 0;
        for file in files.lines() {
            let text = fs::read_to_string(root().join(file))?;
            // A comment may break a name over two lines.
            let text = text.lines().map(|line| line.trim_start().trim_start_matches(['/', '!']));
            let text: String = text.collect();
            for rest in text.split("docs/wire.md,").skip(1) {
                let name = rest.split('"').nth(1).unwrap_or_default();
                assert!(sections.contains(name), "{file} cites `{name}`");
                cited += 1;
            }
        }
        assert!(cited > 20, "{cited}");
        Ok(())
    }

    /// Links between the pages, and from the README, lead to files.
    #[test]
    fn every_link_to_a_file_of_the_repository_exists() -> anyhow::Result<()> {
        let files = output(program("git").args(["ls-files", "*.md"]))?;
        for file in files.lines() {
            let path = root().join(file);
            let text = fs::read_to_string(&path)?;
            for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = link.split('#').next().unwrap_or_default();
                let is_file = target.ends_with(".md") || target.starts_with("LICENSE");
                if is_file && !target.contains("://") {
                    let target = path.parent().unwrap_or(&path).join(target);
                    assert!(target.exists(), "{file} links to {link}");
                }
            }
        }
        Ok(())
    }
}
