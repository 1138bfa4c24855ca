use super::*;
use proptest::prelude::*;

fn packet(attributes: &str, elements: &str) -> Vec<u8> {
    format!(
        "junk before <x:xmpmeta xmlns:x='adobe:ns:meta/'>\
         <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' \
         xmlns:drone-dji='http://www.dji.com/drone-dji/1.0/' xmlns:Camera='http://pix4d.com/camera/1.0' \
         xmlns:drone-skydio='https://www.skydio.com/drone-skydio/1.0/' {attributes}>{elements}</rdf:Description>\
         </rdf:RDF></x:xmpmeta> junk after"
    )
    .into_bytes()
}

#[test]
fn dji_as_attributes_and_as_elements() {
    let names = [
        ("AbsoluteAltitude", "+61.45"),
        ("RelativeAltitude", "-3.10"),
        ("GimbalYawDegree", "-1.30"),
        ("GimbalPitchDegree", "-89.90"),
        ("GimbalRollDegree", "+0.00"),
        ("FlightYawDegree", "+170.60"),
        ("FlightPitchDegree", "-10.60"),
        ("FlightRollDegree", "-9.80"),
        ("GpsLatitude", "52.1"),
        ("GpsLongtitude", "-4.5"),
        ("RtkFlag", "50"),
        ("RtkStdLat", "0.03"),
        ("RtkStdLon", "0.04"),
        ("RtkStdHgt", "0.05"),
        ("CalibratedFocalLength", "3666.6"),
        ("CalibratedOpticalCenterX", "2736.0"),
        ("CalibratedOpticalCenterY", "1824.0"),
        ("DewarpFlag", "0"),
        ("DewarpData", "2018-09-19;3678.8,3671.8,-10.1,27.2,-0.26,0.11,0.00001,-0.00003,-0.035"),
    ];
    let attributes: String = names.iter().map(|(n, v)| format!("drone-dji:{n}=\"{v}\" ")).collect();
    let elements: String = names.iter().map(|(n, v)| format!("<drone-dji:{n}> {v}\n</drone-dji:{n}>")).collect();
    let xmp = read_xmp(&packet(&attributes, ""));
    assert_eq!(xmp, read_xmp(&packet("", &elements)));
    // The same packet with an undeclared prefix is no XML, but its pairs are still found.
    assert_eq!(xmp, read_xmp(&packet(&format!("{attributes} bad:name='1' "), "<unclosed>")));

    assert_eq!(xmp.camera, Some(Angles { yaw: -1.3, pitch: -89.9, roll: 0.0 }));
    assert_eq!(xmp.aircraft, Some(Angles { yaw: 170.6, pitch: -10.6, roll: -9.8 }));
    assert_eq!((xmp.absolute_altitude_m, xmp.relative_altitude_m), (Some(61.45), Some(-3.1)));
    assert_eq!((xmp.latitude_deg, xmp.longitude_deg), (Some(52.1), Some(-4.5)));
    assert_eq!((xmp.rtk, xmp.sigma_vertical_m), (Some(RtkState::Fixed), Some(0.05)));
    assert!((xmp.sigma_horizontal_m.expect("sigma") - (0.00125f64).sqrt()).abs() < 1e-12);
    assert_eq!((xmp.focal_px, xmp.centre_px, xmp.dewarped), (Some(3666.6), Some([2736.0, 1824.0]), Some(false)));
    let dewarp = xmp.dewarp.expect("dewarp");
    assert_eq!((dewarp.focal, dewarp.centre), ([3678.8, 3671.8], [-10.1, 27.2]));
    assert_eq!((dewarp.radial, dewarp.tangential), ([-0.26, 0.11, -0.035], [0.00001, -0.00003]));
}

#[test]
fn other_makers() {
    let pix4d = "Camera:Yaw='120/1' Camera:Pitch='4.5' Camera:Roll='-2' Camera:GPSXYAccuracy='1.2' \
                 Camera:GPSZAccuracy='2.5'";
    let xmp = read_xmp(&packet(pix4d, ""));
    assert_eq!(xmp.camera, Some(Angles { yaw: 120.0, pitch: -85.5, roll: -2.0 }));
    assert_eq!((xmp.sigma_horizontal_m, xmp.sigma_vertical_m), (Some(1.2), Some(2.5)));
    let gimbal = read_xmp(&packet("Camera:Yaw='1' Camera:Pitch='-90' Camera:Roll='0'", ""));
    assert_eq!(gimbal.camera.map(|a| a.pitch), Some(-90.0));
    let skydio = "<drone-skydio:CameraOrientationFLU drone-skydio:Yaw='7' drone-skydio:Pitch='7' drone-skydio:Roll='7'/>\
                  <drone-skydio:CameraOrientationNED drone-skydio:Yaw='15' drone-skydio:Pitch='-60' \
                  drone-skydio:Roll='0.5'/><drone-skydio:RelativeAltitude>30.5</drone-skydio:RelativeAltitude>";
    let xmp = read_xmp(&packet("", skydio));
    assert_eq!(xmp.camera, Some(Angles { yaw: 15.0, pitch: -60.0, roll: 0.5 }));
    assert_eq!(xmp.relative_altitude_m, Some(30.5));
}

#[test]
fn nothing_useful_is_empty() {
    assert_eq!(read_xmp(b"no packet"), Xmp::default());
    assert_eq!(read_xmp(&packet("drone-dji:GimbalYawDegree='nan' drone-dji:RtkFlag=''", "")), Xmp::default());
    // Deep nesting must not exhaust the stack.
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert_eq!(read_xmp(&packet("", &deep)), Xmp::default());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_xmp(&bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let _ = read_xmp(&packet(&text, ""));
        let _ = read_xmp(&packet("", &text));
    }

    #[test]
    fn arbitrary_markup_never_panics(text in "[<>/=\"' :a-cé;&]{0,80}") {
        let _ = read_xmp(&packet(&text, ""));
        let _ = read_xmp(&packet("", &text));
        let _ = (number(&text), dewarp(&text));
    }
}
