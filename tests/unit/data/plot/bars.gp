set terminal pngcairo size 640,480 noenhanced font ',10.9' background rgb '#ffffff'
set encoding utf8
$data0 << EOD
0 1
1 2
EOD
$data1 << EOD
0 1
1 -1
EOD
set xrange [-0.54:1.54]
set yrange [-1.15:2.15]
set border 3 front lw 1 lc rgb '#6e7781'
set xtics nomirror out scale 0.6 ('-0.5' -0.5, '0' 0, '0.5' 0.5, '1.0' 1, '1.5' 1.5) textcolor rgb '#24292f'
set ytics nomirror out scale 0.6 ('-1.0' -1, '-0.5' -0.5, '0' 0, '0.5' 0.5, '1.0' 1, '1.5' 1.5, '2.0' 2) textcolor rgb '#24292f'
set grid xtics ytics back lt 1 lw 0.6 lc rgb '#d8dde3'
unset colorbox
set key outside right top vertical Left reverse noenhanced samplen 2 width 1 spacing 1.15 textcolor rgb '#24292f'
plot $data0 using ($1-0.2):2:(0.4) with boxes fill solid 0.9 noborder lc rgb '#0072b2' title 'train', \
    $data1 using ($1+0.2):2:(0.4) with boxes fill solid 0.9 noborder lc rgb '#d55e00' title 'test'
