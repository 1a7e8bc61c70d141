//! A real browser, driven over the DevTools protocol through two pipes: no driver, no socket, no other crate.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Time that the browser may take for one answer. The machine may be busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A headless Chromium with one tab.
pub(super) struct Browser {
    program: Child,
    asks: ChildStdin,
    said: Receiver<Value>,
    /// Messages that it sent without being asked.
    told: Vec<Value>,
    asked: u64,
    tab: Option<String>,
    _profile: TempDir,
}

impl Browser {
    /// Starts one with a window of this size; `None`, with a line that says so, where none is installed.
    pub(super) fn start((width, height): (u32, u32), dark: bool) -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let is_there = |name: &&&str| {
            Command::new("sh")
                .args(["-c", "command -v \"$0\" >&2", name])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        let Some(name) = names.iter().find(is_there) else {
            // The test harness holds back what a passing test prints by `eprintln!`.
            let line = b"skipped: there is no chromium to open the page in (apt-get install chromium)\n";
            std::io::stderr().lock().write_all(line).expect("standard error takes a line");
            return None;
        };
        let profile = TempDir::new().expect("a temporary folder");
        // The protocol is spoken over the file descriptors 3 and 4; a shell puts them there.
        let script = "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>&1";
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", name, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
        command.args(["--disable-dev-shm-usage", "--disable-background-networking", "--remote-debugging-pipe"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.arg(format!("--window-size={width},{height}"));
        let mut program =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell starts the browser");
        let (asks, answers) = (program.stdin.take().expect("a pipe"), program.stdout.take().expect("a pipe"));
        let (say, said) = channel();
        thread::spawn(move || {
            for message in BufReader::new(answers).split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("the browser says JSON");
                if say.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { program, asks, said, told: Vec::new(), asked: 0, tab: None, _profile: profile };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        browser.tab = browser.ask("Target.attachToTarget", attach)["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        browser.resize((width, height));
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        browser.ask("Emulation.setEmulatedMedia", json!({ "features": [scheme] }));
        Some(browser)
    }

    /// Gives its window another size, for what is opened from now on.
    pub(super) fn resize(&mut self, (width, height): (u32, u32)) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Opens a page and waits until it is loaded.
    pub(super) fn open(&mut self, url: &str) {
        self.told.clear();
        self.ask("Page.navigate", json!({ "url": url }));
        while !self.told.iter().any(|told| told["method"] == "Page.loadEventFired") {
            let message = self.next();
            self.told.push(message);
        }
    }

    /// Addresses that it asked the network for since a page was opened.
    pub(super) fn requests(&self) -> Vec<&str> {
        let requests = self.told.iter().filter(|told| told["method"] == "Network.requestWillBeSent");
        requests.filter_map(|request| request["params"]["request"]["url"].as_str()).collect()
    }

    /// Complaints since a page was opened: exceptions, whatever was written to the console, and its own warnings.
    pub(super) fn complaints(&self) -> Vec<String> {
        let methods = ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"];
        let complaints = self.told.iter().filter(|told| methods.iter().any(|method| told["method"] == *method));
        complaints.map(|told| told["params"].to_string()).collect()
    }

    /// The value of an expression of the page's.
    pub(super) fn value(&mut self, expression: &str) -> Value {
        let answer = self.ask("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true }));
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The text of the first element of this kind, as it is shown.
    pub(super) fn text(&mut self, selector: &str) -> String {
        let text = self.value(&format!("document.querySelector({})?.innerText", json!(selector)));
        text.as_str().unwrap_or_else(|| panic!("there is no {selector}")).to_owned()
    }

    /// The number of elements of this kind.
    pub(super) fn count(&mut self, selector: &str) -> u64 {
        self.value(&format!("document.querySelectorAll({}).length", json!(selector))).as_u64().unwrap_or_default()
    }

    /// Returns `true` if a part of the first element of this kind is within the window, not covered and not hidden.
    pub(super) fn is_on_screen(&mut self, selector: &str) -> bool {
        let (found, at) = (json!(selector), "box.left + Math.min(box.width / 2, 40), box.top + box.height / 2");
        let script = format!(
            "(() => {{ const wanted = document.querySelector({found}); const box = wanted?.getBoundingClientRect(); \
             const hit = box && document.elementFromPoint({at}); return Boolean(hit) && wanted.contains(hit); }})()"
        );
        self.value(&script) == true
    }

    /// Clicks on the first element of this kind, as a mouse does: on whatever lies on top there.
    pub(super) fn click(&mut self, selector: &str) {
        let script = format!(
            "(() => {{ const wanted = document.querySelector({}); wanted.scrollIntoView({{ block: 'center' }}); \
             const box = wanted.getBoundingClientRect(); \
             return [box.left + Math.min(box.width / 2, 40), box.top + box.height / 2]; }})()",
            json!(selector)
        );
        let at = self.value(&script);
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", event);
        }
    }

    /// Presses a key that has no letter, such as `ArrowDown`.
    pub(super) fn press(&mut self, key: &str) {
        for kind in ["rawKeyDown", "keyUp"] {
            self.ask("Input.dispatchKeyEvent", json!({ "type": kind, "key": key, "code": key }));
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": params });
        if let Some(tab) = &self.tab {
            message["sessionId"] = json!(tab);
        }
        self.asks.write_all(format!("{message}\0").as_bytes()).expect("the browser listens");
        loop {
            let mut answer = self.next();
            if answer["id"] == self.asked {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.told.push(answer);
        }
    }

    fn next(&mut self) -> Value {
        self.said.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("the browser says nothing: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Whoever panics can do without an answer.
        let close = json!({ "id": 0, "method": "Browser.close" });
        let _ = self.asks.write_all(format!("{close}\0").as_bytes());
        let _ = self.program.wait();
    }
}
