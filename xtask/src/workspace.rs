//! What `cargo metadata` says of the workspace's own packages.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::backends;
use crate::run::{Cmd, Outcome};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    // At run time first: a shared target folder may hold an xtask that another checkout built.
    let here = std::env::var("CARGO_MANIFEST_DIR");
    let here = PathBuf::from(here.as_deref().unwrap_or(env!("CARGO_MANIFEST_DIR")));
    here.parent().unwrap_or(&here).to_path_buf()
}

/// `path` as seen from the root.
pub(crate) fn relative(path: &Path) -> &Path {
    path.strip_prefix(root()).unwrap_or(path)
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// A package of the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Relative to the root.
    pub(crate) dir: PathBuf,
    pub(crate) published: bool,
    /// The members of the workspace that it names, for whatever purpose.
    pub(crate) siblings: Vec<String>,
    /// `(kind, name)` of each target, e.g. `("bench", "record_store")`.
    pub(crate) targets: Vec<(String, String)>,
    /// The sets of features that it must compile with; the last is the widest.
    pub(crate) feature_sets: Vec<Vec<String>>,
    /// Features of which a build has one at most.
    pub(crate) backends: Vec<String>,
    /// Whether docs.rs is told which features to show.
    pub(crate) docs_rs: bool,
}

impl Package {
    pub(crate) fn has_target(&self, kind: &str, name: &str) -> bool {
        self.targets.iter().any(|(k, n)| k == kind && n == name)
    }

    pub(crate) fn has_lib(&self) -> bool {
        self.targets.iter().any(|(kind, _)| kind == "lib")
    }

    /// With the backend that this machine can build.
    pub(crate) fn widest(&self) -> &[String] {
        match self.backends.is_empty() {
            true => self.feature_sets.last().map_or(&[], Vec::as_slice),
            false => self.widest_with(backends::chosen()),
        }
    }

    /// With this backend.
    pub(crate) fn widest_with(&self, backend: &str) -> &[String] {
        let mut sets = self.feature_sets.iter().rev();
        let widest = sets.find(|set| set.iter().any(|f| f == backend));
        widest.map_or(&[], Vec::as_slice)
    }
}

/// The packages of the workspace.
pub(crate) fn packages() -> Outcome<Vec<Package>> {
    let text = Cmd::cargo("metadata")
        .args(["--format-version", "1", "--no-deps"])
        .output()?;
    let metadata: Value = serde_json::from_str(&text)?;
    let packages = list(&metadata["packages"]);
    let names: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    Ok(packages.iter().map(|p| package(p, &names)).collect())
}

/// Arguments that select every package with its widest legal features: one selection for all the tests, so that
/// nothing is built twice.
pub(crate) fn everything(packages: &[Package]) -> Vec<String> {
    let features: Vec<String> = packages
        .iter()
        .flat_map(|p| p.widest().iter().map(move |f| format!("{}/{f}", p.name)))
        .collect();
    let mut args = vec!["--workspace".to_owned()];
    if !features.is_empty() {
        args.extend(["--features".into(), features.join(",")]);
    }
    args
}

fn package(value: &Value, names: &[&str]) -> Package {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let manifest = PathBuf::from(text(&value["manifest_path"]));
    let dir = manifest.parent().unwrap_or(&manifest);
    let features = value["features"].as_object();
    let features: Vec<String> = features
        .into_iter()
        .flat_map(|f| f.keys().cloned())
        .filter(|f| f != "default")
        .collect();
    let declared = &value["metadata"]["letterlock"]["feature-sets"];
    Package {
        name: text(&value["name"]),
        dir: relative(dir).to_path_buf(),
        published: value["publish"] != serde_json::json!([]),
        siblings: list(&value["dependencies"])
            .iter()
            .filter_map(|d| d["name"].as_str())
            .filter(|name| names.contains(name))
            .map(str::to_owned)
            .collect(),
        targets: list(&value["targets"])
            .iter()
            .map(|t| (text(&t["kind"][0]), text(&t["name"])))
            .collect(),
        feature_sets: if declared.is_array() {
            let sets = list(declared).iter();
            sets.map(|set| list(set).iter().map(text).collect())
                .collect()
        } else {
            default_sets(&features)
        },
        backends: list(&value["metadata"]["letterlock"]["backends"])
            .iter()
            .map(text)
            .collect(),
        docs_rs: value["metadata"]["docs"]["rs"].is_object(),
    }
}

/// None, each alone, all.
fn default_sets(features: &[String]) -> Vec<Vec<String>> {
    let mut sets = vec![Vec::new()];
    sets.extend(features.iter().map(|f| vec![f.clone()]));
    if features.len() > 1 {
        sets.push(features.to_vec());
    }
    sets
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn features_default_to_none_each_and_all() {
        let sets = default_sets(&["a".into(), "b".into()]);
        assert_eq!(sets, [vec![], vec!["a"], vec!["b"], vec!["a", "b"]]);
        assert_eq!(default_sets(&[]), [Vec::<String>::new()]);
    }

    #[test]
    fn declared_feature_sets_win_and_the_last_is_the_widest() {
        let value = json!({
            "name": "a", "manifest_path": "a/Cargo.toml", "publish": [],
            "features": {"default": [], "x": [], "y": []},
            "metadata": {"letterlock": {"feature-sets": [["x"], ["y"]]}},
            "dependencies": [{"name": "serde"}, {"name": "b"}],
        });
        let package = package(&value, &["a", "b"]);
        assert_eq!(package.feature_sets, [["x"], ["y"]]);
        assert_eq!(package.siblings, ["b"]);
        assert!(!package.published);
        assert_eq!(everything(&[package]), ["--workspace", "--features", "a/y"]);
    }

    #[test]
    fn the_widest_set_is_that_of_the_backend() {
        let value = json!({
            "name": "a", "manifest_path": "a/Cargo.toml",
            "metadata": {"letterlock": {
                "feature-sets": [[], ["x"], ["x", "more"], ["y"]],
                "backends": ["x", "y"],
            }},
        });
        let package = package(&value, &["a"]);
        assert_eq!(package.widest_with("x"), ["x", "more"]);
        assert_eq!(package.widest_with("y"), ["y"]);
        assert!(package.widest_with("z").is_empty());
    }

    #[test]
    fn this_workspace_is_seen() {
        let packages = packages().unwrap();
        let own = packages.iter().find(|p| p.name == "xtask").unwrap();
        assert!(!own.published && own.has_target("bin", "xtask"));
        assert_eq!(own.dir, Path::new("xtask"));
    }
}
